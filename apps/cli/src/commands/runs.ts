import type { Run, RunState } from "@signalbox/protocol";
import type { RunPage } from "@signalbox/client";
import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { readCount } from "../read-milliseconds.ts";
import { ago, duration } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { defineShow, showRun } from "./show-run.ts";

interface Options {
  readonly project?: string;
  readonly status?: RunState;
  readonly limit: number;
  readonly cursor?: string;
  readonly all?: true;
}

const STATES = ["queued", "running", "succeeded", "failed", "cancelled"];

/** `signalbox runs`: lists runs, newest first. */
export function define(command: Command, act: Act): void {
  command
    .argument("[run]", "show this one instead: the same as runs show")
    .option("--project <id>", "only runs of this project")
    .addOption(new Option("--status <state>", "only runs in this state").choices(STATES))
    .option("-n, --limit <count>", "how many", readCount, 20)
    .option("--cursor <run>", "begin after this run: the last one of the page before")
    .option("-a, --all", "every page")
    .action(act(listRuns));
  defineShow(command.command("show").argument("<run>", "its id"), act);
}

async function listRuns(context: Context, runId: string | undefined, options: Options): Promise<void> {
  if (runId !== undefined) return await showRun(context, runId);
  const { output } = context;
  const client = await context.client();
  const query = { projectId: options.project, status: options.status, limit: options.limit, cursor: options.cursor };
  const page: RunPage = options.all ? { items: await collect(client.runs.all(query)) } : await client.runs.list(query);
  output.result(page, ({ items }) => {
    const rows = items.map((run) => [
      run.id,
      run.status,
      `${run.progress} %`,
      ago(run.createdAt, context.now()),
      run.startedAt && run.endedAt ? duration(Date.parse(run.endedAt) - Date.parse(run.startedAt)) : "",
      remoteText(run.projectId),
      remoteText(run.name ?? run.goal),
    ]);
    output.table(
      ["RUN", "STATE", "DONE", "MADE", "TOOK", "PROJECT", "GOAL"],
      rows,
      "no runs; start one with `signalbox run`",
    );
    if (page.nextCursor !== undefined) output.note(`more: --cursor ${page.nextCursor}, or --all`);
  });
}

async function collect(runs: AsyncIterable<Run>): Promise<Run[]> {
  const items: Run[] = [];
  for await (const run of runs) items.push(run);
  return items;
}
