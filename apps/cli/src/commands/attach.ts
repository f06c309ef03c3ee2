import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { Attachment } from "../terminal/attachment.ts";
import { DEFAULT_DETACH_KEY, parseDetachKey } from "../terminal/detach-key.ts";
import { findTerminal } from "../terminal/find-terminal.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly watch?: true;
  readonly step?: string;
  readonly detachKey: string;
}

/** `signalbox attach`: this terminal joined to that of a session or command. */
export function define(command: Command, act: Act): void {
  command
    .argument("<session|run>", "its id")
    .option("--watch", "only look: nothing is typed")
    .option("--step <name>", "which step of a run (default: the one at work that has a terminal)")
    .addOption(
      new Option("--detach-key <key>", "leaves, and lets what runs there go on; none: no key does").default(
        DEFAULT_DETACH_KEY,
      ),
    )
    .addHelpText(
      "after",
      "\nShows the last screen first. One person types at a time; the others watch, and get the keyboard when it is free." +
        "\nEnds when the command or the session does, with its exit code; 0 after leaving.",
    )
    .action(act(attach));
}

async function attach(context: Context, id: string, { watch, step, detachKey: keyName }: Options): Promise<void> {
  const { output, serverUrl, interrupts } = context;
  if (output.isJson) throw usageError("a terminal has no JSON", "logs --json prints what it wrote");
  // Commander fills defaults in only before the file of the command is loaded.
  const detachKey = parseDetachKey(keyName ?? DEFAULT_DETACH_KEY);
  const found = await findTerminal(await context.client(), id, step);
  const isInteractive = watch === undefined && context.stdin.isTTY === true;
  // In raw mode a line does not begin by itself where lines begin.
  const note = (text: string): void => {
    if (isInteractive) output.stderr.write(`\r[signalbox: ${remoteText(text)}]\r\n`);
    else output.note(`[signalbox: ${text}]`);
  };
  if (isInteractive && detachKey) note(`${detachKey.name} leaves`);
  const attachment = new Attachment({
    serverUrl,
    token: await context.token(),
    id: found.id,
    streams: { stdin: context.stdin, stdout: process.stdout },
    isWatching: watch === true,
    detachKey,
    note,
  });
  using _ = interrupts.on(() => attachment.detach());
  const end = await attachment.run();
  if (end === "detached") return output.note(`left; signalbox attach ${id} brings you back`);
  context.exit(await found.exitCode());
}
