import { Option, type Command } from "commander";

import type { LoginOptions } from "../agents/login-place.ts";
import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import type { Act } from "../program.ts";

interface InstallOptions {
  readonly version?: string;
  readonly offline?: true;
}

/** `signalbox agents`: coding agents of this machine, for the runner that it is. */
export function define(command: Command, act: Act): void {
  command.usage("[options] <command>");
  command
    .command("list")
    .addOption(agentsFile())
    .description("list the agents of this machine, and whether somebody is logged in to them")
    .action(act(list));
  command
    .command("install")
    .argument("<provider>", "codex, claude_code or gemini_cli")
    .option("--version <version>", "an exact version (default: the one that this release was tested with)")
    .option("--offline", "use only what npm has in its cache")
    .description("install an agent with npm, in a folder of its own")
    .addHelpText(
      "after",
      "\nA runner offers what is installed with `signalbox runner --agents auto` or `signalbox up --agents auto`,\nor as its agents.json says.",
    )
    .action(act(install));
  command
    .command("login")
    .argument("<provider>", "codex, claude_code or gemini_cli")
    .argument("[arguments...]", "more for the agent's own login, after `--`: `-- --device-auth`")
    .addOption(versionToUse())
    .addOption(agentsFile())
    .description("log in to your own account with an agent's own program, in its home on this machine")
    .addHelpText("after", LOGIN_HELP)
    .action(act(logIn));
  command
    .command("logout")
    .argument("<provider>", "codex, claude_code or gemini_cli")
    .addOption(versionToUse())
    .addOption(agentsFile())
    .description("end the login, and remove what is left of it in the agent's home on this machine")
    .addHelpText("after", LOGIN_HELP)
    .action(act(logOut));
}

const LOGIN_HELP =
  "\nThe login stays in the agent's home on this machine: SIGNALBOX_AGENT_HOMES_DIR (default ~/.signalbox/agent-homes), or\n" +
  "the `home` that agents.json names. Sessions of your runners here use it; the server neither sees nor stores it.";

async function list(context: Context, options: LoginOptions): Promise<void> {
  const { machineAgents } = await import("../agents/machine-agents.ts");
  const { output } = context;
  const items = await machineAgents(context, options.agentsFile);
  output.result({ items }, () => {
    const rows = items.map(({ provider, version, login, dir }) => [provider, version, LOGINS[login], dir]);
    const empty = "no agents; install one with `signalbox agents install codex`";
    output.table(["AGENT", "VERSION", "LOGIN", "WHERE"], rows, empty);
  });
}

const LOGINS = { here: "yes", none: "no", endpoint: "by endpoint" } as const;

async function logIn(
  context: Context,
  provider: string,
  more: readonly string[],
  options: LoginOptions,
): Promise<void> {
  const { logIn: run } = await import("../agents/log-in.ts");
  await run(context, provider, more, options);
}

async function logOut(context: Context, provider: string, options: LoginOptions): Promise<void> {
  const { logOut: run } = await import("../agents/log-out.ts");
  await run(context, provider, options);
}

function versionToUse(): Option {
  return new Option("--version <version>", "an installed version (default: the one that this release was tested with)");
}

function agentsFile(): Option {
  return new Option("--agents-file <file>", "which agents this machine offers (SIGNALBOX_AGENTS_FILE)");
}

async function install(
  { environment, output, interrupts }: Context,
  provider: string,
  options: InstallOptions,
): Promise<void> {
  const { agentsCacheDir, installAgent, isInstallError, isInstallable, npmEnvironment, PINNED_AGENTS } =
    await import("@signalbox/agents/install");
  if (!isInstallable(provider))
    throw usageError(`npm installs no agent called ${provider}`, `there are ${Object.keys(PINNED_AGENTS).join(", ")}`);
  const leaving = new AbortController();
  using _ = interrupts.on(() => leaving.abort());
  try {
    const agent = await installAgent({
      provider,
      version: options.version ?? PINNED_AGENTS[provider],
      root: agentsCacheDir(environment.variables),
      npm: { command: ["npm"], env: npmEnvironment(environment.variables) },
      signal: leaving.signal,
      onProgress: (stage) => output.note(stage),
      ...(options.offline ? { isOffline: true } : {}),
    });
    output.result(agent, () => output.line(`${agent.provider} ${agent.version} is in ${agent.dir}`));
  } catch (error) {
    if (leaving.signal.aborted)
      throw new CommandError("nothing was installed", { exit: "interrupted", code: "INTERRUPTED" });
    if (!isInstallError(error)) throw error;
    throw new CommandError(error.message, { code: error.code, details: { ...error.details } });
  }
}
