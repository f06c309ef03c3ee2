import { nearName } from "../near-name.ts";
import { checkSchema, isObject } from "./check-schema.ts";
import { ManifestError, pathText } from "./manifest-error.ts";
import type { ManifestProblem } from "./manifest-error.ts";
import { MANIFEST_FILE } from "./manifest-files.ts";
import { relationProblems } from "./manifest-relations.ts";
import { PluginManifestSchema } from "./manifest.ts";
import type { PluginManifest } from "./manifest.ts";

/**
 * Checks what stands in a `plugin.json`, fills in the defaults and writes topics with slashes. Throws a `ManifestError` that
 * names every problem, and nothing else, whatever comes in.
 */
export function parseManifest(value: unknown): PluginManifest {
  const { manifest, problems } = checkManifest(value);
  if (manifest === undefined || problems.length > 0) throw new ManifestError(problems);
  return manifest;
}

/** The same without throwing. The manifest is undefined only where there are problems. */
export function checkManifest(value: unknown): { manifest: PluginManifest | undefined; problems: ManifestProblem[] } {
  const { output, problems } = checkSchema(PluginManifestSchema, value, MANIFEST_FILE);
  if (isObject(value)) problems.push(...misspeltKeys(value), ...relationProblems(value));
  return { manifest: output, problems };
}

/** Keys beside ours belong to other readers of the file, unless they look as if they were meant for us. */
function misspeltKeys(manifest: Readonly<Record<string, unknown>>): ManifestProblem[] {
  const ours = Object.keys(PluginManifestSchema.shape);
  return Object.keys(manifest).flatMap((key) => {
    if (ours.includes(key) || OTHERS_KEYS.has(key)) return [];
    const near = nearName(key, ours);
    if (near === undefined) return [];
    return [{ file: MANIFEST_FILE, path: pathText([key]), wanted: `\`${near}\``, found: "a key spelt nearly so" }];
  });
}

/** What Claude Code reads in the same file. */
const OTHERS_KEYS: ReadonlySet<string> = new Set(
  (
    "$schema author homepage repository license keywords category tags strict " +
    "commands agents skills hooks mcpServers lspServers outputStyles dependencies"
  ).split(" "),
);
