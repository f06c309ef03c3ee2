import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * The folders that Node.js reads when it runs a program of this package: the packages themselves, and every `node_modules`
 * above them. Nothing else of what stands beside them.
 */
export function programFolders(main: string): string[] {
  const require = createRequire(main);
  const packages = [packageOf(main), ...OWN_PACKAGES.map((name) => packageOf(require.resolve(name)))];
  const folders = packages.flatMap((folder) => [
    folder,
    ...ancestors(folder).map((above) => join(above, "node_modules")),
  ]);
  const real = [...new Set(folders.filter((folder) => existsSync(folder)).map((folder) => realpathSync(folder)))];
  return real.filter((folder) => !real.some((other) => other !== folder && folder.startsWith(`${other}/`)));
}

/** Packages that may be linked from elsewhere. */
const OWN_PACKAGES = ["@signalbox/protocol/package.json"];

function packageOf(file: string): string {
  const real = realpathSync(file);
  const folder = ancestors(real).find((above) => existsSync(join(above, "package.json")));
  if (folder === undefined) throw new Error(`${file} is part of no package`);
  return folder;
}

/** The folders above a path, the nearest first. */
function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...ancestors(above)];
}
