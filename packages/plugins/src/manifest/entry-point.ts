import { limit } from "../limits.ts";
import { ContainedFileError, locateFileInside, readTextInside } from "./contained-file.ts";
import type { ManifestProblem } from "./manifest-error.ts";
import { MANIFEST_FILE } from "./manifest-files.ts";
import { JsonSyntaxError, readJson } from "./read-json.ts";
import { isRelativeInside } from "./relative-path.ts";

const BOOTSTRAP = ["js", "mjs", "cjs", "ts", "mts", "cts"].map((ending) => `lib/plugin-bootstrap.${ending}`);

/**
 * The file that a plugin starts with: `main` of its manifest; or else what `exports` or `main` of its package.json name, if that
 * is there; or else `lib/plugin-bootstrap` with the first of the endings js, mjs, cjs, ts, mts, cts. Always inside the folder.
 */
export async function findEntryPoint(
  folder: string,
  main: string | undefined,
): Promise<{ entryPoint: string } | { problem: ManifestProblem }> {
  if (main !== undefined)
    return (await tryFile(folder, main, MANIFEST_FILE)) ?? missing(MANIFEST_FILE, "a file of the plugin");
  const packaged = await readPackage(folder);
  if ("problem" in packaged) return packaged;
  for (const path of packaged.mains) {
    const found = await tryFile(folder, path, "package.json");
    if (found !== undefined) return found;
  }
  for (const path of BOOTSTRAP) {
    const found = await tryFile(folder, path, path);
    if (found !== undefined) return found;
  }
  return missing(
    MANIFEST_FILE,
    "a file to start with: this, `exports` or `main` in package.json, or lib/plugin-bootstrap.js",
  );
}

type Found = { entryPoint: string } | { problem: ManifestProblem };

/** Undefined where there is no such file. */
async function tryFile(folder: string, path: string, file: string): Promise<Found | undefined> {
  const place = file === path ? "" : "main";
  const wanted = "a file inside the plugin's folder";
  if (!isRelativeInside(path)) return problem(file, place, wanted, "a path that leads out of the folder");
  try {
    return { entryPoint: await locateFileInside(folder, path) };
  } catch (error) {
    if (!(error instanceof ContainedFileError)) throw error;
    return error.trouble === "missing" ? undefined : problem(file, place, wanted, error.found);
  }
}

/** What package.json names, `exports` before `main` as Node.js does. */
async function readPackage(folder: string): Promise<{ mains: string[] } | { problem: ManifestProblem }> {
  try {
    const text = await readTextInside(folder, "package.json", limit("manifest.bytes"));
    const manifest: unknown = readJson(text);
    if (!isObject(manifest)) return { mains: [] };
    return { mains: [exported(manifest["exports"]), manifest["main"]].filter((main) => typeof main === "string") };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return problem("package.json", "", "JSON", error.message);
    if (!(error instanceof ContainedFileError)) throw error;
    if (error.trouble === "missing") return { mains: [] };
    return problem("package.json", "", "a file inside the plugin's folder", error.found);
  }
}

const CONDITIONS = new Set(["node", "import", "module-sync", "require", "default"]);

/** What `exports` says of `.`: the first condition that holds, as deep as they go. */
function exported(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (!isObject(target)) return undefined;
  if (Object.hasOwn(target, ".")) return exported(target["."]);
  const condition = Object.keys(target).find((key) => CONDITIONS.has(key));
  return condition === undefined ? undefined : exported(target[condition]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function missing(file: string, wanted: string): { problem: ManifestProblem } {
  return problem(file, "main", wanted, "nothing");
}

function problem(file: string, path: string, wanted: string, found: string): { problem: ManifestProblem } {
  return { problem: { file, path, wanted, found } };
}
