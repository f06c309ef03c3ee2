import { adapterOf, createAcpAdapter, type AgentAdapter } from "@signalbox/agents";
import { isInstallError, listInstalled, PINNED_AGENTS, resolveAgent } from "@signalbox/agents/install";
import { scriptedAgent, type AgentCatalog, type AvailableAgent } from "@signalbox/runner";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";

import { ConfigError } from "../config-error.ts";
import { openAgentHome } from "./agent-homes.ts";
import type { OfferedAgent } from "./read-agents-file.ts";

/** Which agents a runner offers. */
export interface AgentsSettings {
  /** What the owner's file says, by provider. */
  readonly offered: ReadonlyMap<string, OfferedAgent>;
  /** Whether every installed agent is offered, in its newest version, also where the file does not name it. */
  readonly isAuto: boolean;
  /** Where agents are installed. */
  readonly installedDir: string;
  /** Homes of agents that were given neither a home nor an endpoint: their owner logs in there. */
  readonly homesDir: string;
}

/** Finds the programs of the agents that a machine offers; the scripted one is always among them. Throws a `ConfigError`. */
export async function openAgentCatalog(settings: AgentsSettings): Promise<AgentCatalog> {
  const offered = new Map([...(settings.isAuto ? await installedOnes(settings) : []), ...settings.offered]);
  const catalog = new Map([["scripted", scripted(offered.get("scripted"))]]);
  for (const [provider, entry] of offered) {
    if (provider !== "scripted") catalog.set(provider, await available(provider, entry, settings));
  }
  return catalog;
}

const NOTHING_SAID = { folders: [], options: {} };

async function installedOnes({ installedDir }: AgentsSettings): Promise<[string, OfferedAgent][]> {
  const installed = await listInstalled({ root: installedDir });
  // In ascending order, so that the newest stays.
  return installed.map(({ provider, version }) => [provider, { ...NOTHING_SAID, version }]);
}

function scripted({ options, script }: OfferedAgent = NOTHING_SAID): AvailableAgent {
  return scriptedAgent({ ...options, ...(script === undefined ? {} : { script }) });
}

async function available(provider: string, entry: OfferedAgent, settings: AgentsSettings): Promise<AvailableAgent> {
  const { endpoint, options } = entry;
  return {
    adapter: adapterFor(provider, entry),
    ...(isService(provider) ? serviceOf(provider, entry) : await programOf(provider, entry, settings)),
    ...(endpoint ? { endpoint } : { home: entry.home ?? (await openAgentHome(settings.homesDir, provider)) }),
    options,
  };
}

/** Whether there is nothing of an agent to start on this machine. */
export function isService(provider: string): boolean {
  return provider === "omnara";
}

/** A service does not tell its version, so it is its owner's word. */
function serviceOf(
  provider: string,
  { version = "unknown" }: OfferedAgent,
): Pick<AvailableAgent, "program" | "folders"> {
  return { program: { argv: [provider], version }, folders: [] };
}

function adapterFor(provider: string, { arguments: args, endpointVariables }: OfferedAgent): AgentAdapter {
  if (!provider.startsWith("acp:")) return adapterOf(provider);
  return createAcpAdapter({
    provider,
    ...(args === undefined ? {} : { arguments: args }),
    ...(endpointVariables === undefined ? {} : { endpointVariables }),
  });
}

async function programOf(
  provider: string,
  { program, version, folders }: OfferedAgent,
  { installedDir }: AgentsSettings,
): Promise<Pick<AvailableAgent, "program" | "folders">> {
  if (program && version !== undefined) {
    const [path, ...more] = program;
    const real = await realpath(path).catch(() => {
      throw new ConfigError(`the program of ${provider} is not there: ${path}`);
    });
    return { program: { argv: [real, ...more], version }, folders: [dirname(real), ...folders] };
  }
  try {
    const wanted = version ?? PINNED_AGENTS[provider as keyof typeof PINNED_AGENTS];
    const { argv, dir, version: found } = await resolveAgent({ provider, version: wanted, root: installedDir });
    return { program: { argv, version: found }, folders: [dir, ...folders] };
  } catch (error) {
    if (!isInstallError(error)) throw error;
    throw new ConfigError(`${provider} is offered, but ${error.message}; \`signalbox agents install\` installs it`, {
      cause: error,
    });
  }
}
