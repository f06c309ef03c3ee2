import { readFileSync } from "node:fs";

import { Command, Option } from "commander";

import { COMMANDS, type CommandEntry } from "./command-list.ts";
import type { Context } from "./context.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

/** Makes the action of a command: the body gets a context first, then what commander read. */
export type Act = <Args extends readonly unknown[]>(
  body: (context: Context, ...args: Args) => Promise<void>,
) => (...args: unknown[]) => Promise<void>;

/** What a file in `commands/` exports: it gives a bare command its arguments, options and action. */
export interface CommandModule {
  /** A `--no-x` option needs its default written out: commander fills it in only before the file is loaded. */
  define(command: Command, act: Act): void;
}

/** What a program is made with. */
export interface ProgramSettings {
  readonly process: NodeJS.Process;
  readonly contextOf: (globals: GlobalOptions) => Context;
  readonly isJson: boolean;
}

/** The command line. A command's own file is loaded only when the command is used. */
export function buildProgram({ process, contextOf, isJson }: ProgramSettings): Command {
  const program = new Command("signalbox")
    .version(version())
    .description("Hands work to a fleet of coding agents, and shows what becomes of it.")
    .option("--json", "print JSON: one document, or one to a line for what goes on")
    .option("--server <url>", "where the server is (SIGNALBOX_URL; default this machine)")
    .addOption(new Option("--token <token>", "what to be known by (SIGNALBOX_TOKEN; default the local server's file)"))
    .helpCommand("help [command]", "show what a command does")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText("after", exitCodesText);
  stopInsteadOfExiting(program, process, isJson);

  const act: Act =
    (body) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      await body(contextOf(command.optsWithGlobals()), ...(args.slice(0, -1) as never));
    };
  for (const [name, entry] of Object.entries(COMMANDS)) addCommand(program, name, entry);
  program.hook("preSubcommand", async (_, command) => {
    const entry = COMMANDS[command.name()];
    if (!entry) return;
    (await entry.load()).define(command, act);
    for (const nested of command.commands) stopInsteadOfExiting(nested, process, isJson);
  });
  return program;
}

function addCommand(program: Command, name: string, { summary, group }: CommandEntry): void {
  program.command(name).summary(summary).description(summary).helpGroup(`${group}:`).copyInheritedSettings(program);
}

/** Errors come back as exceptions, to be told in one way only; help that nobody asked for goes to stderr. */
function stopInsteadOfExiting(command: Command, { stdout, stderr }: NodeJS.Process, isJson: boolean): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void (isJson || stderr.write(text)),
    // Told by the one who catches the exception.
    outputError: () => undefined,
  });
  for (const nested of command.commands) stopInsteadOfExiting(nested, process, isJson);
}

function exitCodesText(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`);
  return `\nExit codes:\n${rows.join("\n")}\n`;
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String((manifest as { version: string }).version);
}
