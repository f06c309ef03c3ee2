import { resolve } from "node:path";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { remoteText } from "../text/remote-text.ts";

/** What a check found: the plugin, or everything that is wrong with it. */
interface Checked {
  readonly folder: string;
  readonly plugin?: { readonly name: string; readonly version: string; readonly manifestHash: string };
  readonly problems: readonly { readonly file: string; readonly path: string; readonly message: string }[];
}

/** `signalbox plugins check`: reads a plugin's folder as a server would, and tells every problem at once. */
export async function checkPlugin(context: Context, folder: string): Promise<void> {
  const checked = await check(resolve(context.cwd, folder));
  context.output.result(checked, () => tell(context, checked));
  if (!checked.plugin) context.exit(EXIT_CODES.failed.code);
}

async function check(folder: string): Promise<Checked> {
  const { loadManifest, ManifestError } = await import("@signalbox/plugins");
  try {
    const { manifest, manifestHash } = await loadManifest(folder);
    return { folder, plugin: { name: manifest.name, version: manifest.version, manifestHash }, problems: [] };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const problems = error.problems.map(({ file, path, wanted, found }) => ({
      file,
      path,
      message: `wanted ${wanted}, found ${found}`,
    }));
    return { folder, problems };
  }
}

function tell({ output }: Context, { plugin, problems }: Checked): void {
  if (plugin) {
    output.line(`${plugin.name} ${plugin.version} is a plugin`);
    output.line(`${output.colors.dim("hash        ")}${plugin.manifestHash}`);
    return;
  }
  for (const { file, path, message } of problems)
    output.line(remoteText(`${file}: ${path === "" ? "" : `${path}: `}${message}`));
  output.note(problems.length === 1 ? "1 problem" : `${problems.length} problems`);
}
