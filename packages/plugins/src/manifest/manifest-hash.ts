import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/**
 * What an approval is bound to: SHA-256, in hexadecimal digits, over everything in the manifest, what this package does not read
 * among it. The order of keys and blanks do not count. A `routing-config.json` counts as part of the manifest, as whoever can
 * write the one can write the other.
 */
export function manifestHash(manifest: unknown, routingConfig?: unknown): string {
  const approved = routingConfig === undefined ? { manifest } : { manifest, routingConfig };
  return createHash("sha256").update(canonicalJson(approved)).digest("hex");
}
