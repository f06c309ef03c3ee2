import { constants } from "node:os";

import { CommanderError } from "commander";

import { readEnvironment } from "./config.ts";
import type { Context, Interrupts } from "./context.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { describeFailure, type Failure } from "./failure.ts";
import { Output } from "./output.ts";
import { buildProgram, type GlobalOptions } from "./program.ts";
import { resolveServer } from "./server-address.ts";
import { jsonLine, terminalText } from "./text/remote-text.ts";

/** Runs the command line of a process; resolves to its exit code. Errors are told, not thrown. */
export async function runCli(process: NodeJS.Process): Promise<number> {
  endQuietlyOnBrokenPipe(process);
  const args = withHelpAsOption(process.argv.slice(2));
  let exitCode = 0;
  const contextOf = (globals: GlobalOptions) => makeContext(process, globals, (code) => (exitCode = code));
  const isJson = args.includes("--json");
  const program = buildProgram({ process, contextOf, isJson });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = describeUsage(error) ?? describeFailure(error) ?? describeBug(error, process.env);
    tell(failure, process, isJson);
    return failure.exitCode;
  }
  return exitCode;
}

function makeContext(process: NodeJS.Process, globals: GlobalOptions, exit: (code: number) => void): Context {
  const environment = readEnvironment(process.env);
  const output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    isJson: globals.json === true,
    isColorWanted: environment.isColorWanted,
    isLiveWanted: environment.isLiveWanted,
  });
  const server = resolveServer(globals, environment);
  return {
    environment,
    output,
    stdin: process.stdin,
    cwd: process.cwd(),
    serverUrl: server.url,
    token: () => server.token(),
    now: () => Date.now(),
    interrupts: interruptsOf(process),
    exit,
    async client(options = {}) {
      const { createClient } = await import("@signalbox/client");
      return createClient({ baseUrl: server.url, token: await server.token(), retries: 2, ...options });
    },
  };
}

function interruptsOf(process: NodeJS.Process): Interrupts {
  return {
    on(hear) {
      const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
      for (const signal of signals) process.on(signal, hear);
      return {
        [Symbol.dispose]: () => {
          for (const signal of signals) process.off(signal, hear);
        },
      };
    },
  };
}

/** `help runs` means `runs --help`; the options of a command are known only once it is loaded. */
function withHelpAsOption(args: readonly string[]): string[] {
  return args[0] === "help" ? [...args.slice(1), "--help"] : [...args];
}

function describeUsage(error: unknown): Failure | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  // commander has printed the help in the place of a message.
  const message =
    error.code === "commander.help"
      ? ""
      : error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.*)\?\)$/, "; did you mean $1?");
  return {
    exitCode: EXIT_CODES.usage.code,
    message,
    hint: undefined,
    error: { code: "USAGE", message: message || "a command is missing" },
  };
}

/** A bug is ours, and people cannot act on its stack; it is there for those who ask. */
function describeBug(error: unknown, environment: NodeJS.ProcessEnv): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (environment["SIGNALBOX_DEBUG"] !== undefined && error instanceof Error)
    process.stderr.write(`${terminalText(error.stack ?? "", false)}\n`);
  return {
    exitCode: EXIT_CODES.failed.code,
    message: `something unexpected went wrong: ${message}`,
    hint: "this is a bug in Signalbox; SIGNALBOX_DEBUG=1 shows where",
    error: { code: "UNEXPECTED", message },
  };
}

function tell(failure: Failure, { stdout, stderr }: NodeJS.Process, isJson: boolean): void {
  if (isJson) stdout.write(`${jsonLine({ success: false, error: failure.error })}\n`);
  else if (failure.message !== "") {
    const hint = failure.hint === undefined ? "" : `  ${failure.hint}\n`;
    stderr.write(terminalText(`signalbox: ${failure.message}\n${hint}`, false));
  }
}

/** `signalbox runs | head` is no error. */
function endQuietlyOnBrokenPipe(process: NodeJS.Process): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(128 + constants.signals.SIGPIPE);
  });
}
