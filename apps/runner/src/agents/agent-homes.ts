import { isLinkFree } from "@signalbox/agents/install";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import { ConfigError } from "../config-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the agents of this user have their homes that were given neither a home nor an endpoint. Their owner logs in there once,
 * for every runner of theirs on this machine. Default `~/.signalbox/agent-homes`.
 */
export function agentHomesDir({ SIGNALBOX_AGENT_HOMES_DIR: named, HOME: home }: Environment): string {
  return named ? resolve(named) : join(home || homedir(), ".signalbox", "agent-homes");
}

/** The folder of a provider's home, whether it is there or not. */
export function agentHome(homesDir: string, provider: string): string {
  return join(homesDir, provider.replace(":", "-"));
}

/**
 * The home of a provider's agent, which is made where it is not yet. Agents write in their homes: one in which a link has come
 * into the place of a login is refused, so that a login stays where it is meant to be. Throws a `ConfigError`.
 */
export async function openAgentHome(homesDir: string, provider: string): Promise<string> {
  const home = agentHome(homesDir, provider);
  // Codex wants the folder of its settings to be there before its first start.
  const folders = provider === "codex" ? [home, join(home, ".codex")] : [home];
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isLinkFree(home, provider)))
    throw new ConfigError(`the home ${home} has a link in the place of its login`);
  return home;
}
