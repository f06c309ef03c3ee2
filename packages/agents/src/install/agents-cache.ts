import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { INSTALLABLE_PROVIDERS } from "./agent-packages.ts";
import type { InstallableProvider } from "./agent-packages.ts";
import { InstallError, isInstallError } from "./install-errors.ts";
import { resolveAgent } from "./installed-agent.ts";
import type { InstalledAgent } from "./installed-agent.ts";
import { PINNED_AGENTS } from "./pinned-agents.ts";

/**
 * The folder that a developer's machine keeps agents in: `SIGNALBOX_AGENTS_DIR`, else `signalbox/agents` in
 * `XDG_CACHE_HOME` or `~/.cache`. A runner has its own.
 */
export function agentsCacheDir(env: Readonly<Record<string, string | undefined>>): string {
  const named = env["SIGNALBOX_AGENTS_DIR"];
  if (named) {
    if (isAbsolute(named)) return named;
    throw new InstallError("INVALID_ROOT", `SIGNALBOX_AGENTS_DIR must be absolute: ${named}`, { root: named });
  }
  const caches = env["XDG_CACHE_HOME"];
  // A relative one is invalid by its specification, and to be ignored.
  const base = caches && isAbsolute(caches) ? caches : join(env["HOME"] || homedir(), ".cache");
  return join(base, "signalbox", "agents");
}

/**
 * Which of the pinned agents a test can run, by provider; undefined for one that is not in the cache. A test skips with
 * it: `it.skipIf(!agents.codex)`.
 */
export async function installedAgents(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<InstallableProvider, InstalledAgent | undefined>> {
  const root = agentsCacheDir(env);
  const found = await Promise.all(
    INSTALLABLE_PROVIDERS.map(async (provider) => [provider, await inCache(provider, root)] as const),
  );
  // One entry for each provider.
  return Object.fromEntries(found) as Record<InstallableProvider, InstalledAgent | undefined>;
}

async function inCache(provider: InstallableProvider, root: string): Promise<InstalledAgent | undefined> {
  try {
    return await resolveAgent({ provider, version: PINNED_AGENTS[provider], root });
  } catch (error) {
    if (isInstallError(error, "NOT_INSTALLED", "BINARY_MISSING", "UNSUPPORTED_PLATFORM")) return undefined;
    throw error;
  }
}
