import type { SessionDiff } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Output } from "../output.ts";
import type { Act } from "../program.ts";
import { remoteText } from "../text/remote-text.ts";
import { count } from "../text/format.ts";
import { diffLine } from "../text/diff-line.ts";

interface DiffOptions {
  readonly stat?: true;
  readonly document?: string;
}

/** `signalbox session diff`: what the agent has changed, live while it works and as it was kept after that. */
export function defineDiff(command: Command, act: Act): void {
  command
    .argument("<session>", "its id")
    .option("--stat", "only which files, and how many lines")
    .option("--document <sha256>", "an earlier diff, as an approval or event names it")
    .description("show what the agent has changed against the commit that it began from")
    .action(act(showDiff));
}

async function showDiff(
  { client, output }: Context,
  sessionId: string,
  { stat, document }: DiffOptions,
): Promise<void> {
  const diff = await (await client()).sessions.diff(sessionId, document === undefined ? {} : { document });
  output.result(diff, () => {
    printDiff(output, diff, stat === true);
    if (diff.isLeftover) tellLeftover(output, diff);
  });
}

/** Of when the diff of a session is that was lost with its machine. */
export function tellLeftover(output: Output, { takenAt }: Pick<SessionDiff, "takenAt">): void {
  output.note(`as it was at ${takenAt}; what was done after that was lost with its machine`);
}

/** A diff: its text, or only what it comes to. */
export function printDiff(output: Output, diff: Shown & Pick<SessionDiff, "text">, isStat: boolean): void {
  if (isStat) printStat(output, diff);
  else printText(output, diff);
  printCut(output, diff);
}

type Shown = Pick<SessionDiff, "files" | "stats" | "cut">;

/** One line a file, and the sum. */
export function printStat(output: Output, { files, stats, cut }: Shown): void {
  const { green, red, dim } = output.colors;
  const width = Math.max(0, ...files.map((file) => figuresOf(file).length));
  for (const file of files) {
    const { path, status, added, removed, isBinary } = file;
    const plain = figuresOf(file);
    const shown = isBinary ? dim(plain) : `${green(`+${added}`)} ${red(`-${removed}`)}`;
    output.line(`${MARKS[status]} ${" ".repeat(width - plain.length)}${shown}  ${remoteText(path)}`);
  }
  if (cut && cut.files > 0) output.line(dim(`… and ${cut.files} files more`));
  output.line(stats.files === 0 ? "nothing was changed" : sumOf(stats));
}

function figuresOf({ added, removed, isBinary }: SessionDiff["files"][number]): string {
  return isBinary ? "binary" : `+${added} -${removed}`;
}

const MARKS = { added: "A", modified: "M", deleted: "D" };

function sumOf({ files, added, removed }: SessionDiff["stats"]): string {
  return `${count(files, "file")} changed, ${count(added, "line")} added, ${removed} removed`;
}

function printText(output: Output, { text }: Pick<SessionDiff, "text">): void {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) output.line(diffLine(line, output.colors));
}

function printCut(output: Output, { cut }: Shown): void {
  if (cut?.isTextCut) output.note("the diff is too long to be shown whole; --stat has the files");
}
