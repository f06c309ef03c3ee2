import type { InstallableProvider } from "@signalbox/agents/install";

import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import { offeredAgents } from "./machine-agents.ts";

/** Which agent somebody logs in to, or out of. */
export interface LoginOptions {
  readonly version?: string;
  readonly agentsFile?: string;
}

/** An agent and the home that a login to it stands in: those that a runner of this user would take. */
export interface LoginPlace {
  readonly provider: InstallableProvider;
  /** How its program is started; undefined where it is not installed. */
  readonly argv: readonly [string, ...string[]] | undefined;
  readonly version: string;
  readonly home: string;
  /** Whether the owner named the home, which is then used as it is. */
  readonly isNamed: boolean;
}

/** Finds it, and refuses what has no login on this machine. */
export async function findLoginPlace(context: Context, provider: string, options: LoginOptions): Promise<LoginPlace> {
  const { INSTALLABLE_PROVIDERS, isInstallable } = await import("@signalbox/agents/install");
  if (!isInstallable(provider)) {
    throw usageError(`nobody logs in to ${provider} here`, whyNot(provider, INSTALLABLE_PROVIDERS));
  }
  const { agentHome, agentHomesDir } = await import("@signalbox/runner-app");
  const entry = (await offeredAgents(context, options.agentsFile)).get(provider);
  if (entry?.endpoint) {
    throw usageError(
      `${provider} reaches its model by the endpoint ${entry.endpoint.baseUrl}, so a login would not be used`,
      `take \`endpoint\` out of its entry in agents.json first`,
    );
  }
  const { variables } = context.environment;
  const home = entry?.home ?? agentHome(agentHomesDir(variables), provider);
  const isNamed = entry?.home !== undefined;
  if (entry?.program && entry.version !== undefined && options.version === undefined) {
    const [program, ...more] = entry.program;
    return { provider, argv: [program, ...more], version: entry.version, home, isNamed };
  }
  const installed = await installedOne(provider, options.version ?? entry?.version, variables);
  return { provider, ...installed, home, isNamed };
}

/** Refuses an agent that is not there. */
export function programOf({ provider, version, argv }: LoginPlace): readonly [string, ...string[]] {
  if (argv) return argv;
  throw new CommandError(`${provider} ${version} is not installed on this machine`, {
    code: "NOT_INSTALLED",
    hint: `\`signalbox agents install ${provider}\` installs it`,
  });
}

/** The version that is wanted; else the one that this release was tested with, else the newest that is there. */
async function installedOne(
  provider: InstallableProvider,
  wanted: string | undefined,
  variables: Context["environment"]["variables"],
): Promise<Pick<LoginPlace, "argv" | "version">> {
  const { agentsCacheDir, listInstalled, PINNED_AGENTS } = await import("@signalbox/agents/install");
  const installed = await listInstalled({ root: agentsCacheDir(variables), provider });
  const pinned = installed.find(({ version }) => version === PINNED_AGENTS[provider]);
  const found =
    wanted === undefined ? (pinned ?? installed.at(-1)) : installed.find(({ version }) => version === wanted);
  return { argv: found?.argv, version: found?.version ?? wanted ?? PINNED_AGENTS[provider] };
}

function whyNot(provider: string, known: readonly string[]): string {
  if (provider === "omnara") return "omnara is a service: its key stands in the file that agents.json names";
  if (provider === "scripted") return "the scripted agent plays a file and has no account";
  if (provider.startsWith("acp:")) {
    return "log in with the agent's own command, and name the home in which you did so as its `home` in agents.json";
  }
  return `there are ${known.join(", ")}`;
}
