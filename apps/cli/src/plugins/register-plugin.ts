import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";

/** `signalbox plugins register`: a plugin that runs elsewhere becomes known by its manifest. */
export async function registerPlugin(context: Context, file: string): Promise<void> {
  const manifest = readObject(await readSource(context, file), file);
  const plugin = await (await context.client()).plugins.register({ manifest });
  context.output.result(plugin, () => {
    context.output.line(`${plugin.name} is ${plugin.state}`);
    if (plugin.state !== "approved") context.output.note(`next: signalbox plugins approve ${plugin.name}`);
  });
}

async function readSource({ stdin, cwd }: Context, file: string): Promise<string> {
  if (file === "-") return await text(stdin);
  try {
    return await readFile(resolve(cwd, file), "utf8");
  } catch (error) {
    throw usageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

/** Whether it is a manifest says the server; here it only must be an object that JSON can carry. */
function readObject(source: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw usageError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError(`${file} does not hold an object`);
}
