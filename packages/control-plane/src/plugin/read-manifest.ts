import {
  ManifestError,
  manifestHash,
  parseManifest,
  RoutingConfigSchema,
  type PluginManifest,
} from "@signalbox/plugins";
import { limit } from "@signalbox/protocol";

import { ControlPlaneError, type RequestIssue } from "../errors.ts";
import { spellDocuments, type PluginDocuments } from "./plugin-view.ts";

/** A manifest that was read, and the hash that an approval of it names. */
export interface ReadManifest {
  /** With the defaults filled in and the routing configuration applied. */
  readonly manifest: PluginManifest;
  readonly manifestHash: string;
}

/** Reads what a plugin came with. Refuses with everything that is wrong with it. */
export function readManifest(documents: PluginDocuments): ReadManifest {
  const bytes = Buffer.byteLength(spellDocuments(documents));
  if (bytes > limit("plugin.manifestBytes"))
    throw invalid([{ path: "", message: `${bytes} bytes; ${limit("plugin.manifestBytes")} are allowed` }]);
  const { manifest, routingConfig } = documents;
  try {
    const read = parseManifest(manifest);
    const routing = routingConfig === undefined ? {} : RoutingConfigSchema.parse(routingConfig);
    return {
      manifest: { ...read, routing: { ...read.routing, ...routing } },
      manifestHash: manifestHash(manifest, routingConfig),
    };
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(issuesOf(error));
    throw error;
  }
}

/** Everything that is wrong with a manifest, as refusals tell it. */
export function issuesOf({ problems }: ManifestError): RequestIssue[] {
  return problems.map(({ path, wanted, found }) => ({ path, message: `wanted ${wanted}, found ${found}` }));
}

function invalid(issues: readonly RequestIssue[]): ControlPlaneError {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new ControlPlaneError(
    "INVALID_MANIFEST",
    `the manifest cannot be used: ${first?.path ? `${first.path}: ` : ""}${first?.message ?? ""}${more}`,
    { issues },
  );
}
