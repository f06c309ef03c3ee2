import { realpath } from "node:fs/promises";
import { limit } from "../limits.ts";
import { checkSchema, isObject } from "./check-schema.ts";
import { ContainedFileError, locateInside, readTextInside } from "./contained-file.ts";
import { findEntryPoint } from "./entry-point.ts";
import { ManifestError, pathText } from "./manifest-error.ts";
import type { ManifestProblem } from "./manifest-error.ts";
import { MANIFEST_FILE, ROUTING_CONFIG_FILE } from "./manifest-files.ts";
import { manifestHash } from "./manifest-hash.ts";
import { pathsIn } from "./manifest-relations.ts";
import { RoutingConfigSchema } from "./manifest.ts";
import type { PluginManifest, RoutingConfig } from "./manifest.ts";
import { checkManifest } from "./parse-manifest.ts";
import { JsonSyntaxError, readJson } from "./read-json.ts";

/** A plugin as it lies on the disk. */
export interface LoadedPlugin {
  /** Absolute, without links. */
  readonly folder: string;
  /** With the defaults filled in and `routing-config.json` applied. */
  readonly manifest: PluginManifest;
  /** The files as they stand, for whoever is to approve them. */
  readonly documents: { readonly manifest: unknown; readonly routingConfig?: unknown };
  /** What an approval is bound to; see `manifestHash`. */
  readonly manifestHash: string;
  /** The file that the plugin starts with: absolute, without links, inside the folder. */
  readonly entryPoint: string;
}

/**
 * Reads a plugin's folder. What its manifest names must lie inside it, links followed; the folder itself may be a link.
 * Throws a `ManifestError` that names every problem.
 */
export async function loadManifest(folder: string): Promise<LoadedPlugin> {
  const root = await openFolder(folder);
  const value = await readJsonFile(root, MANIFEST_FILE);
  const config = await readRoutingConfig(root);
  const { manifest, problems } = checkManifest(value);
  problems.push(...config.problems, ...(await leadingOutside(root, value)));
  const entry = await findEntryPoint(root, manifest?.main);
  if ("problem" in entry && manifest !== undefined) problems.push(entry.problem);
  if (manifest === undefined || "problem" in entry || problems.length > 0) throw new ManifestError(problems);
  return {
    folder: root,
    manifest: { ...manifest, routing: { ...manifest.routing, ...config.overrides } },
    documents: { manifest: value, ...("value" in config && { routingConfig: config.value }) },
    manifestHash: manifestHash(value, config.value),
    entryPoint: entry.entryPoint,
  };
}

async function openFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new ManifestError([{ file: folder, path: "", wanted: "a plugin's folder", found }], { cause: error });
  }
}

async function readJsonFile(root: string, file: string): Promise<unknown> {
  try {
    return readJson(await readTextInside(root, file, limit("manifest.bytes")));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw refusal(file, "JSON", error.message, error);
    if (error instanceof ContainedFileError) throw refusal(file, FILE_WANTED, error.found, error);
    throw error;
  }
}

interface RoutingOverrides {
  readonly value?: unknown;
  readonly overrides: RoutingConfig;
  readonly problems: readonly ManifestProblem[];
}

/** The file may be missing. */
async function readRoutingConfig(root: string): Promise<RoutingOverrides> {
  let value: unknown;
  try {
    value = await readJsonFile(root, ROUTING_CONFIG_FILE);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const isMissing = error.cause instanceof ContainedFileError && error.cause.trouble === "missing";
    return { overrides: {}, problems: isMissing ? [] : error.problems };
  }
  const { output, problems } = checkSchema(RoutingConfigSchema, value, ROUTING_CONFIG_FILE);
  return { value, overrides: output ?? {}, problems };
}

/** A path that nothing lies at leads nowhere; what a link makes of the others is known only now. */
async function leadingOutside(root: string, manifest: unknown): Promise<ManifestProblem[]> {
  const problems: ManifestProblem[] = [];
  for (const { path, value } of isObject(manifest) ? pathsIn(manifest).slice(0, limit("manifest.paths")) : []) {
    try {
      await locateInside(root, value);
    } catch (error) {
      if (!(error instanceof ContainedFileError)) throw error;
      if (error.trouble !== "outside") continue;
      problems.push({ file: MANIFEST_FILE, path: pathText(path), wanted: PATH_WANTED, found: error.found });
    }
  }
  return problems;
}

const FILE_WANTED = `a file inside the folder of at most ${limit("manifest.bytes")} bytes`;
const PATH_WANTED = "a path inside the plugin's folder";

function refusal(file: string, wanted: string, found: string, cause: Error): ManifestError {
  return new ManifestError([{ file, path: "", wanted, found }], { cause });
}
