import type { Client } from "@signalbox/client";

import type { Context } from "../context.ts";
import { count } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** Tells in a line or two what a server that has just started makes of its plugins folder, and what to do about it. */
export async function tellPlugins({ output }: Context, client: Client): Promise<void> {
  const { items, problems } = await client.plugins.list();
  const { dim, yellow } = output.colors;
  const here = items.filter(({ process }) => process !== undefined);
  const waiting = here.filter(({ state }) => state !== "approved");
  output.line(`  ${dim("plugins")} ${count(here.length, "plugin")}, ${here.length - waiting.length} of them approved`);
  for (const { name, state } of waiting)
    output.line(`          ${yellow(`${name} is ${state}`)}: signalbox plugins approve ${name}`);
  for (const { folder, issues } of problems)
    output.line(
      `          ${yellow(`${remoteText(folder)} is none (${count(issues.length, "problem")})`)}: signalbox plugins check ${remoteText(folder)}`,
    );
}
