import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { limit } from "../limits.ts";
import { loadManifest } from "../manifest/load-manifest.ts";
import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import { ManifestError } from "../manifest/manifest-error.ts";
import { MANIFEST_FILE } from "../manifest/manifest-files.ts";

/** A folder with a manifest that cannot be used. */
export interface BrokenPlugin {
  readonly folder: string;
  readonly error: ManifestError;
}

/** What lies in a folder of plugins. */
export interface FoundPlugins {
  readonly plugins: readonly LoadedPlugin[];
  readonly broken: readonly BrokenPlugin[];
}

/**
 * Reads every folder within a folder that has a `.claude-plugin` in it. What is wrong with one hurts no other. Two plugins of one
 * name are both broken: which of them was approved, nobody could tell. Rejects when the folder cannot be read.
 */
export async function findPlugins(folder: string): Promise<FoundPlugins> {
  const plugins: LoadedPlugin[] = [];
  const broken: BrokenPlugin[] = [];
  for (const path of await pluginFolders(folder)) {
    try {
      plugins.push(await loadManifest(path));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      broken.push({ folder: path, error });
    }
  }
  const ofName = Map.groupBy(plugins, ({ manifest }) => manifest.name);
  const isAlone = ({ manifest }: LoadedPlugin): boolean => ofName.get(manifest.name)?.length === 1;
  const doubles = plugins.filter((plugin) => !isAlone(plugin)).map(doubleError);
  const alone = plugins.filter(isAlone);
  const most = limit("host.plugins");
  return { plugins: alone.slice(0, most), broken: [...broken, ...doubles, ...alone.slice(most).map(tooManyError)] };
}

/** By name, so that the outcome does not hang on the file system. */
async function pluginFolders(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).toSorted();
  const paths = names.map((name) => join(folder, name));
  const hasManifest = await Promise.all(paths.map((path) => isThere(join(path, ".claude-plugin"))));
  return paths.filter((_, i) => hasManifest[i]);
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function doubleError({ folder, manifest }: LoadedPlugin): BrokenPlugin {
  const found = `"${manifest.name}" in more than one folder`;
  return {
    folder,
    error: new ManifestError([{ file: MANIFEST_FILE, path: "name", wanted: "a name of its own", found }]),
  };
}

function tooManyError({ folder }: LoadedPlugin): BrokenPlugin {
  const wanted = `at most ${limit("host.plugins")} plugins`;
  return { folder, error: new ManifestError([{ file: MANIFEST_FILE, path: "", wanted, found: "one more" }]) };
}
