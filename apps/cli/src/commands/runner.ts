import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Act, GlobalOptions } from "../program.ts";
import { readLabels } from "../read-labels.ts";

interface Options extends GlobalOptions {
  readonly tokenFile?: string;
  readonly dataDir?: string;
  readonly slots?: string;
  readonly label: readonly string[];
  readonly policy?: string;
  readonly publish?: string;
  readonly allowFileRepos?: true;
  readonly sandbox?: string;
  readonly agents?: string;
  readonly agentsFile?: string;
  readonly healthPort?: string;
  readonly logLevel?: string;
  readonly stopWithStdin?: true;
}

const LAST_WORDS_MS = 100;

/** `signalbox runner`: this machine as one of the fleet, until it is told to stop. */
export function define(command: Command, act: Act): void {
  command
    .option(
      "--token-file <file>",
      "holds the enrolment token; better than --token, which others on this machine can see",
    )
    .option(
      "--data-dir <folder>",
      "its key, spool and workspaces (SIGNALBOX_RUNNER_DATA_DIR; default ~/.signalbox/runner)",
    )
    .option("--slots <count>", "steps at once (SIGNALBOX_RUNNER_SLOTS; default 5)")
    .option(
      "-l, --label <name=value>",
      "a label of this machine; may be repeated",
      (value, before: string[]) => [...before, value],
      [],
    )
    .option("--policy <file>", "what the owner of this machine lets happen on it, in YAML")
    .option("--publish <file>", "what may be published from this machine, and as whom, in YAML (default: nothing)")
    .option("--allow-file-repos", "let runs use repositories on this machine's disk")
    .addOption(new Option("--sandbox <mode>", "whether steps are enclosed").choices(["auto", "required", "none"]))
    .addOption(
      new Option(
        "--agents <which>",
        "auto: offer every installed agent; listed: only those of the agents file (SIGNALBOX_AGENTS; default listed)",
      ).choices(["auto", "listed"]),
    )
    .option(
      "--agents-file <file>",
      "the agents that this machine offers (SIGNALBOX_AGENTS_FILE; default agents.json in the data folder)",
    )
    .option("--health-port <number>", "answer /healthz on this port of the loopback address")
    .addOption(
      new Option("--log-level <level>", "how much is logged to stderr").choices([
        "fatal",
        "error",
        "warn",
        "info",
        "debug",
        "trace",
        "silent",
      ]),
    )
    .addOption(new Option("--stop-with-stdin", "stop when stdin ends").hideHelp())
    .addHelpText(
      "after",
      "\n--token is the enrolment token here, needed once: `signalbox runners token` makes one on the server.",
    )
    .action(
      act((context, options: Options) => serve(context, { ...command.optsWithGlobals<GlobalOptions>(), ...options })),
    );
}

async function serve(context: Context, options: Options): Promise<void> {
  const { ConfigError, readRunnerConfig, runRunner } = await import("@signalbox/runner-app");
  const stopping = new AbortController();
  using _ = context.interrupts.on(() => {
    // Whoever asks twice does not want to wait.
    if (stopping.signal.aborted) process.exit(EXIT_CODES.failed.code);
    stopping.abort();
  });
  if (options.stopWithStdin)
    context.stdin
      .resume()
      .once("end", () => stopping.abort())
      .once("error", () => stopping.abort());
  try {
    const code = await runRunner(
      readRunnerConfig(argumentsOf(options), environmentOf(context, options)),
      stopping.signal,
    );
    if (code !== 0) throw ending(code);
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(error.message);
    throw error;
  } finally {
    context.stdin.pause();
    // The runner's helpers are to go with the process, as with its own program; they would keep it alive otherwise.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  }
}

/** What the runner's own program takes under the same names. */
function argumentsOf({
  tokenFile,
  dataDir,
  slots,
  label,
  policy,
  publish,
  allowFileRepos,
  sandbox,
  agents,
  agentsFile,
  healthPort,
  logLevel,
}: Options): string[] {
  const labels = Object.entries(readLabels(label)).map(([name, value]) => `${name}=${value}`);
  const given = {
    "token-file": tokenFile,
    "data-dir": dataDir,
    slots,
    labels: labels.length === 0 ? undefined : labels.join(","),
    policy,
    publish,
    sandbox,
    agents,
    "agents-file": agentsFile,
    "health-port": healthPort,
    "log-level": logLevel,
  };
  const args = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return allowFileRepos ? [...args, "--allow-file-repos"] : args;
}

function environmentOf({ environment, serverUrl }: Context, { token }: Options): Record<string, string | undefined> {
  return {
    ...environment.variables,
    SIGNALBOX_URL: serverUrl,
    ...(token === undefined ? {} : { SIGNALBOX_ENROLMENT_TOKEN: token }),
  };
}

/** The runner has said why on stderr; what is left is how the process ends. */
function ending(code: number): CommandError {
  if (code === 2) return usageError("the runner cannot start like this", "what is wrong stands above");
  if (code === 3)
    return new CommandError("the server does not take this runner", {
      exit: "notPermitted",
      code: "RUNNER_REFUSED",
      hint: "`signalbox runners token` makes a new enrolment token",
    });
  return new CommandError("the runner ended", { code: "RUNNER_FAILED", hint: "why stands above" });
}
