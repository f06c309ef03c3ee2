import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { discard, lockFileOf, makeWorkFolder, REMOVAL, removeAbandoned, versionFolder } from "./agent-folders.ts";
import type { AgentLocation } from "./agent-folders.ts";
import { agentPackage } from "./agent-packages.ts";
import { agentLockfile, isLocked, lockfileHash } from "./lockfile.ts";
import { heartbeat } from "./heartbeat.ts";
import { InstallError, isInstallError } from "./install-errors.ts";
import { installLock } from "./install-lock.ts";
import { describe, RECORD_FILE, resolveAgent } from "./installed-agent.ts";
import type { InstalledAgent } from "./installed-agent.ts";
import { runNpm } from "./npm.ts";
import type { Npm } from "./npm.ts";
import { thisPlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";
import { checkReportedVersion } from "./reported-version.ts";

/** What an install is doing. */
export type InstallStage =
  /** Another install of this version is at work; when it is done there is nothing left to do. */
  | "waiting"
  /** npm works out which packages there are to have, because no lockfile was handed in. */
  | "locking"
  /** npm fetches and unpacks them. */
  | "fetching"
  /** The program is asked for its version, and the caller's own check is run. */
  | "checking"
  | "done";

export interface InstallOptions extends AgentLocation {
  readonly npm: Npm;
  /** What npm locked when this version was first installed somewhere. Default: npm locks what the registry has now. */
  readonly lockfile?: string | undefined;
  /** Take everything from npm's cache and nothing from the network. Default: false, the cache first. */
  readonly isOffline?: boolean | undefined;
  /** A last test before the version is put in its place, such as a turn against a model stub; it refuses by throwing. */
  readonly check?: ((agent: InstalledAgent, signal?: AbortSignal) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: InstallStage) => void) | undefined;
  /** Default: this machine. */
  readonly platform?: Platform | undefined;
}

/**
 * Installs an agent at an exact version beside the others, unless it is there: npm fetches it into a folder of its own,
 * without running any package's scripts; the program must run and tell that version; then the folder is moved to its
 * place in one step. Two installs at once end in one. What fails, or is aborted, leaves nothing; what a killed install
 * left is removed by a later one.
 */
export async function installAgent(options: InstallOptions): Promise<InstalledAgent> {
  const { platform = thisPlatform(), onProgress, signal } = options;
  const place = versionFolder(options);
  const found = await installed(options, platform);
  if (found) return found;

  await mkdir(dirname(place), { recursive: true });
  await using _lock = await installLock({ file: lockFileOf(place), signal, onWait: () => onProgress?.("waiting") });
  await removeAbandoned(dirname(place));
  // It may have come while this waited.
  const agent = (await installed(options, platform)) ?? (await installInto(place, options, platform));
  onProgress?.("done");
  return agent;
}

async function installInto(place: string, options: InstallOptions, platform: Platform): Promise<InstalledAgent> {
  const work = await makeWorkFolder(dirname(place));
  using _beat = heartbeat(work);
  try {
    await fillFolder(work, options, platform);
    await putInPlace(work, place, options, platform);
  } finally {
    await rm(work, REMOVAL);
  }
  return resolveAgent(options, platform);
}

async function fillFolder(work: string, options: InstallOptions, platform: Platform): Promise<void> {
  const { provider, version, signal, onProgress } = options;
  const { name } = agentPackage(provider);
  const manifest = { name: "agent", private: true, dependencies: { [name]: version } };
  await writeFile(join(work, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const lockfile = agentLockfile(options.lockfile ?? (await makeLockfile(work, options)), name, version);
  await writeFile(join(work, LOCKFILE), lockfile);

  onProgress?.("fetching");
  await npm(work, options, ["ci", "--prefer-offline"]);

  onProgress?.("checking");
  const record = { provider, version, lockfileHash: lockfileHash(lockfile) };
  const agent = await describe(work, record, platform).catch((error: unknown) => {
    throw isInstallError(error, "BINARY_MISSING") ? whyMissing(error, lockfile, options, platform) : error;
  });
  await checkReportedVersion(agent, signal);
  await options.check?.(agent, signal);
  signal?.throwIfAborted();
  await writeFile(join(work, RECORD_FILE), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** npm takes the packages of single machines for optional, and is silent about one that it could not have. */
function whyMissing(
  error: InstallError,
  lockfile: string,
  { provider }: InstallOptions,
  platform: Platform,
): InstallError {
  const path = agentPackage(provider).program(platform)?.path ?? "";
  if (!isLocked(lockfile, path)) return error;
  return new InstallError(
    "PACKAGE_SKIPPED",
    `npm left out the package of ${path}: it could not be fetched, or its content is not what the lockfile says`,
    { path },
    { cause: error },
  );
}

async function makeLockfile(work: string, options: InstallOptions): Promise<string> {
  options.onProgress?.("locking");
  await npm(work, options, ["install", "--package-lock-only"]);
  return readFile(join(work, LOCKFILE), "utf8");
}

function npm(
  cwd: string,
  { npm: program, isOffline = false, signal }: InstallOptions,
  args: readonly string[],
): Promise<void> {
  return runNpm({ npm: program, args, cwd, isOffline, signal });
}

/** The place may be taken: by another install that did the same, or by the ruins of one. */
async function putInPlace(work: string, place: string, location: AgentLocation, platform: Platform): Promise<void> {
  try {
    await rename(work, place);
  } catch (error) {
    if (!TAKEN.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if (await installed(location, platform)) return;
    await discard(place);
    await rename(work, place);
  }
}

const LOCKFILE = "package-lock.json";
const TAKEN: ReadonlySet<string> = new Set(["EEXIST", "ENOTEMPTY", "ENOTDIR", "EPERM"]);

async function installed(location: AgentLocation, platform: Platform): Promise<InstalledAgent | undefined> {
  try {
    return await resolveAgent(location, platform);
  } catch (error) {
    if (isInstallError(error, "NOT_INSTALLED", "BINARY_MISSING")) return undefined;
    throw error;
  }
}
