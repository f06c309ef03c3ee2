import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";

/** A plugin to write to the disk: fields of its manifest, and its files by path. */
export interface PluginFiles {
  readonly manifest?: object;
  readonly files?: Readonly<Record<string, string>>;
}

/** A folder of plugins; each has an entry point that does nothing unless its files say otherwise. */
export async function pluginFolders(plugins: Readonly<Record<string, PluginFiles>>): Promise<TempDir> {
  const dir = await tempDir();
  for (const [name, plugin] of Object.entries(plugins)) await writePlugin(dir.file(name), name, plugin);
  return dir;
}

/** Writes one plugin, or writes over it. */
export async function writePlugin(folder: string, name: string, { manifest, files }: PluginFiles = {}): Promise<void> {
  const all = {
    ".claude-plugin/plugin.json": JSON.stringify({ name, version: "1.0.0", ...manifest }),
    "lib/plugin-bootstrap.mjs": "",
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(`${folder}/${path}`), { recursive: true });
    await writeFile(`${folder}/${path}`, content);
  }
}
