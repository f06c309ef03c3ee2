import type { OfferedAgent } from "@signalbox/runner-app";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import { localDataDirectory } from "../local-server.ts";

/** An agent as this machine would use it. */
export interface MachineAgent {
  readonly provider: string;
  readonly version: string;
  /** The folder that it is installed in, its own program, or the address of a service. */
  readonly dir: string;
  /** How it gets to a model: by a login on this machine, by none yet, or by an endpoint with a key. */
  readonly login: "here" | "none" | "endpoint";
}

/**
 * What the owner's agents.json says, by provider: that of `--agents-file` or SIGNALBOX_AGENTS_FILE, which must be there, else
 * the one of `signalbox up`, else the runner's.
 */
export async function offeredAgents(
  { environment }: Context,
  named: string | undefined,
): Promise<ReadonlyMap<string, OfferedAgent>> {
  const { ConfigError, readAgentsFile } = await import("@signalbox/runner-app");
  const file = named ?? (environment.variables["SIGNALBOX_AGENTS_FILE"] || undefined);
  try {
    const found = file ?? (await firstThere(agentsFiles(environment)));
    const offered = found === undefined ? new Map<string, OfferedAgent>() : readAgentsFile(found);
    if (!offered) throw usageError(`cannot read ${found}: there is no such file`);
    return offered;
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw error;
  }
}

/** The agents of this machine: those that are installed, and those that its agents.json brings. */
export async function machineAgents(context: Context, agentsFile: string | undefined): Promise<MachineAgent[]> {
  const { agentsCacheDir, hasLogin, listInstalled } = await import("@signalbox/agents/install");
  const { agentHome, agentHomesDir } = await import("@signalbox/runner-app");
  const { variables } = context.environment;
  const offered = await offeredAgents(context, agentsFile);
  const loginOf = async (provider: string): Promise<MachineAgent["login"]> => {
    const { endpoint, home = agentHome(agentHomesDir(variables), provider) } = offered.get(provider) ?? {};
    if (endpoint) return "endpoint";
    return (await hasLogin(home, provider)) ? "here" : "none";
  };
  const installed = await listInstalled({ root: agentsCacheDir(variables) });
  const found = installed.map(({ provider, version, dir }) => ({ provider, version, dir }));
  const own = [...offered].flatMap(([provider, entry]) => ownOf(provider, entry));
  return Promise.all([...found, ...own].map(async (agent) => ({ ...agent, login: await loginOf(agent.provider) })));
}

/** What an entry brings that npm did not install: a program of the owner's, or a service. */
function ownOf(
  provider: string,
  { program, endpoint, version = "unknown" }: OfferedAgent,
): Omit<MachineAgent, "login">[] {
  if (program) return [{ provider, version, dir: program.join(" ") }];
  return provider === "omnara" && endpoint ? [{ provider, version, dir: endpoint.baseUrl }] : [];
}

function agentsFiles(environment: Context["environment"]): string[] {
  const ofUp = localDataDirectory(environment);
  const { home, variables } = environment;
  const ofRunner = variables["SIGNALBOX_RUNNER_DATA_DIR"] || (home && join(home, ".signalbox", "runner"));
  return [ofUp, ofRunner].flatMap((folder) => (folder ? [join(folder, "agents.json")] : []));
}

async function firstThere(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
