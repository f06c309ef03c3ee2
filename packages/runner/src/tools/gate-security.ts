import { firstPlan, type CheckPlan, type ProjectFiles } from "./gate-plan.ts";
import { lockFileOf, packageManagerOf, type PackageManager } from "./package-manager.ts";

/** How each package manager asks its registry about known weaknesses. */
const AUDITS: Readonly<Record<PackageManager, readonly string[]>> = {
  npm: ["npm", "audit", "--audit-level=high"],
  pnpm: ["pnpm", "audit", "--audit-level", "high"],
  yarn: ["yarn", "audit", "--level", "high"],
  bun: ["bun", "audit"],
};

/** What `gate:security` runs where registries can be reached. `programs` are those of this machine that were looked for. */
export function planAudit(files: ProjectFiles, programs: ReadonlySet<string>): CheckPlan {
  return firstPlan([planPackageAudit(files), planCargoAudit(files, programs), planPipAudit(files, programs)]);
}

/** A lock file with packages in it that can be audited: an audit of nothing would always succeed. */
function planPackageAudit(files: ProjectFiles): CheckPlan {
  const lockFile = lockFileOf(files);
  if (!files.manifest || lockFile === undefined) return { lookedFor: "package.json with a lock file" };
  return { commands: [AUDITS[packageManagerOf(files)]], because: `there is ${lockFile}` };
}

function planCargoAudit({ names }: ProjectFiles, programs: ReadonlySet<string>): CheckPlan {
  if (!names.has("Cargo.lock") || !programs.has("cargo-audit"))
    return { lookedFor: "Cargo.lock with cargo-audit installed" };
  return { commands: [["cargo", "audit"]], because: "there is Cargo.lock" };
}

function planPipAudit({ names }: ProjectFiles, programs: ReadonlySet<string>): CheckPlan {
  if (!names.has("requirements.txt") || !programs.has("pip-audit"))
    return { lookedFor: "requirements.txt with pip-audit installed" };
  return { commands: [["pip-audit", "--requirement", "requirements.txt"]], because: "there is requirements.txt" };
}

/** What a look at the lock file alone says. */
export interface LockFileReport {
  readonly lockFile: string;
  readonly dependencies: number;
  /** What is wrong, in words for a person. */
  readonly problems: readonly string[];
}

/**
 * Checks without any network that every dependency of `package.json` is in the lock file and carries a checksum; undefined
 * when there is nothing to check.
 */
export function checkLockFile(files: ProjectFiles): LockFileReport | undefined {
  const wanted = Object.entries(files.manifest?.dependencies ?? {}).filter(([, range]) => !isLocal(range));
  if (!files.manifest || wanted.length === 0) return undefined;
  const lockFile = lockFileOf(files);
  if (lockFile === undefined) {
    return {
      lockFile: "none",
      dependencies: wanted.length,
      problems: ["package.json has dependencies, but there is no lock file"],
    };
  }
  const text = files.texts.get(lockFile);
  if (text === undefined) return undefined;
  const problems = lockFile.endsWith(".json") ? problemsOfNpm(text, wanted) : problemsOfText(text, wanted);
  return { lockFile, dependencies: wanted.length, problems };
}

/** Not from a registry: nothing to lock. */
function isLocal(range: string): boolean {
  return /^(workspace|file|link|portal|catalog):/.test(range);
}

function problemsOfNpm(text: string, wanted: readonly (readonly [string, string])[]): string[] {
  const packages = readNpmPackages(text);
  if (!packages) return ["the lock file cannot be read, or is older than version 2"];
  const missing = wanted
    .filter(([name]) => !packages.has(`node_modules/${name}`))
    .map(([name]) => `${name} is not in the lock file`);
  const unchecked = [...packages].filter(([path, entry]) => path.startsWith("node_modules/") && !hasChecksum(entry));
  return [
    ...missing,
    ...unchecked.map(([path]) => `${path.slice("node_modules/".length)} has no integrity in the lock file`),
  ];
}

function readNpmPackages(text: string): Map<string, unknown> | undefined {
  try {
    const { packages } = JSON.parse(text) as { packages?: unknown };
    return typeof packages === "object" && packages !== null ? new Map(Object.entries(packages)) : undefined;
  } catch {
    return undefined;
  }
}

/** Links into the project itself, and what came bundled in another package, have no checksum of their own. */
function hasChecksum(entry: unknown): boolean {
  if (typeof entry !== "object" || entry === null) return false;
  return (
    "integrity" in entry || ("link" in entry && entry.link === true) || ("inBundle" in entry && entry.inBundle === true)
  );
}

/** The other lock files are no JSON; that a name stands in them, and checksums do, is all that can be said simply. */
function problemsOfText(text: string, wanted: readonly (readonly [string, string])[]): string[] {
  const missing = wanted.filter(([name]) => !text.includes(name)).map(([name]) => `${name} is not in the lock file`);
  return /integrity|checksum|sha512/.test(text) ? missing : [...missing, "the lock file has no checksums"];
}
