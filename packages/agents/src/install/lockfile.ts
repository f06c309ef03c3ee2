import { createHash } from "node:crypto";
import * as z from "zod";
import { InstallError } from "./install-errors.ts";
import { INSTALL_LIMITS } from "./install-limits.ts";

/** What of npm's lockfile (version 3) an install depends on; the rest is npm's own. */
const LockfileSchema = z.looseObject({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.unknown().optional(),
      inBundle: z.boolean().optional(),
      link: z.boolean().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/**
 * The lockfile of one agent as it is installed from: every package fixed by the hash of its content, and none by an
 * address, so that it comes from whichever registry npm is configured for and a lockfile cannot send npm elsewhere.
 * Refuses with INVALID_LOCKFILE what locks something else, or less.
 */
export function agentLockfile(text: string, name: string, version: string): string {
  const lockfile = parse(text);
  const { "": root, ...packages } = lockfile.packages;
  const wanted = Object.entries(root?.dependencies ?? {});
  if (wanted.length !== 1 || wanted[0]?.[0] !== name || wanted[0][1] !== version) {
    const found = wanted.map(([dependency, range]) => `${dependency}@${range}`).join(", ");
    throw refused(`it locks ${found || "nothing"}, not ${name}@${version}`);
  }
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.link === true || !path.startsWith("node_modules/")) throw refused(`${path} is no package of a registry`);
    // A bundled package has no hash of its own: it is part of one that has.
    if (entry.integrity === undefined && entry.inBundle !== true) throw refused(`${path} has no integrity`);
    delete entry.resolved;
  }
  // npm takes the name from the folder, which is a temporary one.
  return `${JSON.stringify({ ...lockfile, name: "agent" }, undefined, 2)}\n`;
}

/** Whether a lockfile has the package that a path below `node_modules` belongs to. */
export function isLocked(lockfile: string, path: string): boolean {
  const { packages } = parse(lockfile);
  return Object.keys(packages).some((folder) => folder !== "" && path.startsWith(`${folder}/`));
}

/**
 * The sha256, in hex, over every package of a lockfile with its version and the hash of its content: two installs with the
 * same one hold the same bytes, whichever npm wrote their lockfiles.
 */
export function lockfileHash(text: string): string {
  const { "": _root, ...packages } = parse(text).packages;
  const fixed = Object.entries(packages).map(([path, { version, integrity }]) => [path, version, integrity]);
  const sorted = fixed.toSorted(([one = ""], [other = ""]) => (one < other ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

function parse(text: string): z.infer<typeof LockfileSchema> {
  if (Buffer.byteLength(text) > INSTALL_LIMITS["lockfile.bytes"].value) throw refused("it is too large");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refused("it is not JSON", cause);
  }
  const parsed = LockfileSchema.safeParse(value);
  if (!parsed.success) throw refused(`it is not an npm lockfile of version 3: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function refused(reason: string, cause?: unknown): InstallError {
  return new InstallError("INVALID_LOCKFILE", `the lockfile cannot be used: ${reason}`, { reason }, { cause });
}
