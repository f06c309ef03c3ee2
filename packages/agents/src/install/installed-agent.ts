import { constants } from "node:fs";
import { access, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { agentPackage, INSTALLABLE_PROVIDERS, isVersion } from "./agent-packages.ts";
import type { InstallableProvider } from "./agent-packages.ts";
import { discard, providerFolder, versionFolder } from "./agent-folders.ts";
import type { AgentLocation } from "./agent-folders.ts";
import { InstallError } from "./install-errors.ts";
import { thisPlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";

/** An agent that is installed. */
export interface InstalledAgent {
  readonly provider: InstallableProvider;
  /** The exact version, as the program itself tells it. */
  readonly version: string;
  /** The folder that holds it, absolute. */
  readonly dir: string;
  /**
   * How it is started: an absolute path and what stands before the agent's own arguments. The program itself, with no shim
   * or shell between.
   */
  readonly argv: readonly [string, ...string[]];
  /** The sha256, in hex, over what its lockfile fixes: two with the same one hold the same bytes. */
  readonly lockfileHash: string;
}

/** The file that an install writes last. */
export const RECORD_FILE = "installed.json";

/** What is recorded of an install, beside what can be read off its place. */
export const InstallRecordSchema = z.object({
  provider: z.string(),
  version: z.string(),
  lockfileHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type InstallRecord = z.infer<typeof InstallRecordSchema>;

/**
 * The installed agent of a provider and version. Refuses with NOT_INSTALLED what is not there or only in part, with
 * BINARY_MISSING what holds no program for this machine.
 */
export async function resolveAgent(
  location: AgentLocation,
  platform: Platform = thisPlatform(),
): Promise<InstalledAgent> {
  const dir = versionFolder(location);
  const record = await readRecord(dir);
  if (record?.provider !== location.provider || record.version !== location.version) {
    const { provider, version } = location;
    throw new InstallError("NOT_INSTALLED", `${provider} ${version} is not installed in ${location.root}`, {
      provider,
      version,
    });
  }
  return describe(dir, record, platform);
}

/** An install in a folder, wherever that stands. Refuses with BINARY_MISSING one without a program for this machine. */
export async function describe(dir: string, record: InstallRecord, platform: Platform): Promise<InstalledAgent> {
  // What is recorded was checked when it was installed, and `resolveAgent` compares it with what is asked for.
  const provider = record.provider as InstallableProvider;
  return { ...record, provider, dir, argv: await argvIn(dir, provider, platform) };
}

/** Every installed agent, of one provider or of all, by provider and then version. What is there only in part is left out. */
export async function listInstalled(
  { root, provider }: { readonly root: string; readonly provider?: string },
  platform: Platform = thisPlatform(),
): Promise<InstalledAgent[]> {
  const agents: InstalledAgent[] = [];
  for (const each of provider === undefined ? INSTALLABLE_PROVIDERS : [provider]) {
    for (const version of await versionsIn(providerFolder(root, each))) {
      try {
        agents.push(await resolveAgent({ provider: each, version, root }, platform));
      } catch (error) {
        if (!(error instanceof InstallError)) throw error;
      }
    }
  }
  return agents;
}

/**
 * Removes an installed agent; false when it was not there. Whoever asks knows that no session uses it: a program that
 * runs goes on, but finds its files gone.
 */
export async function removeAgent(location: AgentLocation): Promise<boolean> {
  return discard(versionFolder(location));
}

async function readRecord(dir: string): Promise<InstallRecord | undefined> {
  try {
    return InstallRecordSchema.parse(JSON.parse(await readFile(join(dir, RECORD_FILE), "utf8")));
  } catch (error) {
    // Unreadable is as good as none: the record is written last, and another install mends it.
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

async function argvIn(dir: string, provider: string, platform: Platform): Promise<InstalledAgent["argv"]> {
  const found = agentPackage(provider).program(platform);
  const machine = [platform.os, platform.arch, platform.libc].filter(Boolean).join(" ");
  if (!found)
    throw new InstallError("UNSUPPORTED_PLATFORM", `there is no ${provider} for ${machine}`, { provider, machine });

  const path = join(dir, found.path);
  try {
    await access(path, found.kind === "native" ? constants.X_OK : constants.R_OK);
  } catch (cause) {
    throw new InstallError(
      "BINARY_MISSING",
      `${provider} has no program for ${machine} at ${found.path}`,
      { path },
      { cause },
    );
  }
  return found.kind === "native" ? [path] : [platform.node, path];
}

async function versionsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isVersion).sort(byVersion);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** 1.9.0 before 1.10.0; exact order among pre-releases does not matter here. */
function byVersion(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
