import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { agentPackage, checkVersion } from "./agent-packages.ts";
import { isAbandoned } from "./heartbeat.ts";
import { InstallError } from "./install-errors.ts";

/** Which agent, and the folder that holds the installed ones. */
export interface AgentLocation {
  /** `codex`, `claude_code` or `gemini_cli`. */
  readonly provider: string;
  /** An exact version, such as `1.2.3`. */
  readonly version: string;
  /** The folder of all installed agents, absolute; each stands in `<root>/<provider>/<version>`. */
  readonly root: string;
}

/** The folder of a version. Refuses a provider, a version or a root that cannot name one. */
export function versionFolder({ provider, version, root }: AgentLocation): string {
  agentPackage(provider);
  checkVersion(version);
  return join(providerFolder(root, provider), version);
}

/** The folder of a provider's versions. */
export function providerFolder(root: string, provider: string): string {
  agentPackage(provider);
  if (!isAbsolute(root)) {
    throw new InstallError("INVALID_ROOT", `the folder of installed agents must be absolute: ${JSON.stringify(root)}`, {
      root,
    });
  }
  return join(root, provider);
}

/** Makes a folder to work in, in that of a provider; it becomes a version when it is renamed. */
export async function makeWorkFolder(providerDir: string): Promise<string> {
  const work = join(providerDir, `${WORK}${randomUUID()}`);
  await mkdir(work);
  return work;
}

/** Makes a version disappear in one step, then removes what was in it. False when it was not there. */
export async function discard(versionDir: string): Promise<boolean> {
  const gone = join(dirname(versionDir), `${WORK}${randomUUID()}`);
  try {
    await rename(versionDir, gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  await rm(gone, REMOVAL);
  return true;
}

/** Removes what those left behind who were killed while they installed or removed a version. */
export async function removeAbandoned(providerDir: string): Promise<void> {
  for (const name of await readdir(providerDir)) {
    const path = join(providerDir, name);
    if (name.startsWith(WORK) && (await isAbandoned(path))) await rm(path, REMOVAL);
  }
}

/** The lock of those who install a version. */
export function lockFileOf(versionDir: string): string {
  return join(dirname(versionDir), `.lock-${basename(versionDir)}`);
}

/** A program that is just ending may still write there. */
export const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const;

/** No version begins so: it begins with a digit. */
const WORK = ".tmp-";
