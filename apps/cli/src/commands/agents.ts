import type { Command } from "commander";

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
  command.command("list").description("list the agents that are installed on this machine").action(act(list));
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
}

async function list({ environment, output }: Context): Promise<void> {
  const { agentsCacheDir, listInstalled } = await import("@signalbox/agents/install");
  const items = await listInstalled({ root: agentsCacheDir(environment.variables) });
  output.result({ items }, () => {
    const rows = items.map(({ provider, version, dir }) => [provider, version, dir]);
    output.table(["AGENT", "VERSION", "FOLDER"], rows, "no agents; install one with `signalbox agents install codex`");
  });
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
