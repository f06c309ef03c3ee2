import { cp, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { tempDir, type TempDir } from "@signalbox/testkit";

const EXAMPLES = join(import.meta.dirname, "../../examples/plugins");

/** A folder of plugins with a copy of one of the examples in it. */
export interface PluginFolder extends TempDir {
  /** Changes the plugin's manifest on the disk. */
  editManifest(edit: (manifest: Record<string, unknown>) => Record<string, unknown>): Promise<void>;
}

export async function folderWith(example: string): Promise<PluginFolder> {
  const dir = await tempDir("signalbox-plugins-");
  const plugin = dir.file(example);
  await cp(join(EXAMPLES, example), plugin, {
    recursive: true,
    filter: (path) => basename(path) !== "node_modules",
  });
  // As `npm install` would have put them there.
  await mkdir(join(plugin, "node_modules/@signalbox"), { recursive: true });
  for (const name of ["messagebus", "circuit-breaker", "state-manager"]) {
    await symlink(
      dirname(fileURLToPath(import.meta.resolve(`@signalbox/${name}/package.json`))),
      join(plugin, "node_modules/@signalbox", name),
    );
  }
  const file = join(plugin, ".claude-plugin/plugin.json");
  return Object.assign(dir, {
    async editManifest(edit: (manifest: Record<string, unknown>) => Record<string, unknown>) {
      const manifest = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
      await writeFile(file, JSON.stringify(edit(manifest)));
    },
  });
}

/** The token that a plugin's process was given, and who can read the file that it is in. */
export async function tokenOfProcess(pid: number): Promise<{ token: string; mode: number }> {
  const environment = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
  const entry = environment.find((line) => line.startsWith("SIGNALBOX_PLUGIN_TOKEN_FILE=")) ?? "";
  const file = entry.slice(entry.indexOf("=") + 1);
  return { token: (await readFile(file, "utf8")).trim(), mode: (await stat(file)).mode & 0o777 };
}
