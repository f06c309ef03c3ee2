import { resolve } from "node:path";

import type { Command } from "commander";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { localDataDirectory } from "../local-server.ts";
import type { Act } from "../program.ts";
import { count } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** `signalbox verify`: replays the logs of a data folder and compares the outcome with what stands there. */
export function define(command: Command, act: Act): void {
  command
    .argument("[folder]", "the data folder (SIGNALBOX_DATA_DIR; default ~/.signalbox)")
    .option("--hashes", "also hash every blob and gate, which reads all of them")
    .addHelpText(
      "after",
      "\nIt reads only, and may run beside a server. Exit codes: 0 all is well, 1 something is wrong.",
    )
    .action(act(verify));
}

async function verify(context: Context, folder: string | undefined, { hashes }: { hashes?: true }): Promise<void> {
  const { output, environment, cwd } = context;
  const path = folder === undefined ? localDataDirectory(environment) : resolve(cwd, folder);
  if (path === undefined) throw usageError("no data folder is named", "give one, or set SIGNALBOX_DATA_DIR");
  const report = await check(path, hashes === true);
  output.result(report, ({ runs, runners, events, problems, problemCount, notes }) => {
    for (const { kind, stream, message } of problems) output.line(remoteText(`${kind} ${stream}: ${message}`));
    for (const note of notes) output.note(`${note.count} ${remoteText(note.message)}`);
    output.line(
      `${count(runs, "run")}, ${count(runners, "runner")}, ${count(events, "event")}: ${problemCount === 0 ? "all is well" : count(problemCount, "problem")}`,
    );
  });
  context.exit(EXIT_CODES[report.problemCount === 0 ? "succeeded" : "failed"].code);
}

async function check(path: string, hashes: boolean) {
  const { verifyDataDir } = await import("@signalbox/store/sqlite");
  try {
    return await verifyDataDir(path, { hashes });
  } catch (error) {
    const isOfStore =
      error instanceof Error && (error.name === "StoreOpenError" || error.name === "DatabaseTooNewError");
    throw isOfStore ? usageError(error.message) : error;
  }
}
