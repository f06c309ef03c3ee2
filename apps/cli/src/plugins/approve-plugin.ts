import type { PluginDetails } from "@signalbox/protocol";

import { ask } from "../ask.ts";
import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import { showManifest } from "./show-plugin.ts";

interface Options {
  readonly hash?: string;
  readonly yes?: true;
}

/** `signalbox plugins approve`: says yes to exactly the manifest that is shown. */
export async function approvePlugin(context: Context, name: string, options: Options): Promise<void> {
  if (options.yes && options.hash === undefined) {
    throw usageError(
      "--yes needs --hash",
      `run \`signalbox plugins approve ${name}\` first to see the manifest and its hash`,
    );
  }
  const client = await context.client();
  const plugin = await client.plugins.get(name);
  const hash = await checkManifest(plugin, options.hash);
  if (!options.yes) await confirm(context, plugin, hash);
  const approved = await client.plugins.approve(name, { manifestHash: hash });
  context.output.result(approved, () => context.output.line(`${name} is ${approved.state}`));
}

/** The hash of what was fetched, computed here: a server that shows one thing and hashes another is caught. */
async function checkManifest(plugin: PluginDetails, expected: string | undefined): Promise<string> {
  const { manifestHash } = await import("@signalbox/plugins");
  const hash = manifestHash(plugin.manifest, plugin.routingConfig);
  if (hash === plugin.manifestHash && (expected === undefined || expected === hash)) return hash;
  throw new CommandError(
    `plugin ${plugin.name} does not have the manifest that was expected (the one it has is ${hash})`,
    {
      code: "CONTENT_CHANGED",
      hint: "nothing was approved; look at the plugin again",
      details: { manifestHash: hash, expected: expected ?? plugin.manifestHash },
    },
  );
}

async function confirm(context: Context, plugin: PluginDetails, hash: string): Promise<void> {
  const { output, stdin } = context;
  if (output.isJson || stdin.isTTY !== true) {
    if (!output.isJson) showManifest(context, plugin);
    const hint = `in a script: signalbox plugins approve ${plugin.name} --yes --hash ${hash}`;
    throw usageError("there is no terminal to ask at", hint, { manifestHash: hash });
  }
  showManifest(context, plugin);
  if (plugin.state === "approved")
    throw new CommandError(`plugin ${plugin.name} is approved already`, { code: "INVALID_STATE" });
  const answer = await ask(context, "approve this? Type approve to do so: ");
  if (answer.trim().toLowerCase() !== "approve")
    throw new CommandError("nothing was approved", { code: "NOT_CONFIRMED" });
}
