import type { RunDetails, StepDetails } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { ago, duration, size } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { budgetWords, usageWords } from "../text/usage-words.ts";

/** `signalbox runs show`: one run with its steps, gates and artifacts. */
export function defineShow(command: Command, act: Act): void {
  command.description("show a run with its steps, gates and artifacts").action(act(showRun));
}

/** Prints one run. */
export async function showRun(context: Context, runId: string): Promise<void> {
  const client = await context.client();
  const details = await client.runs.get(runId);
  context.output.result(details, () => render(context, details));
}

function render(context: Context, { run, steps, gates, artifacts }: RunDetails): void {
  const { output } = context;
  const facts: [string, string | undefined][] = [
    ["run", run.id],
    ["goal", remoteText(run.goal)],
    [
      "state",
      run.cancelRequestedAt !== undefined && run.endedAt === undefined ? `${run.status}, cancelling` : run.status,
    ],
    ["why", [run.reason, run.message && remoteText(run.message)].filter(Boolean).join(": ") || undefined],
    ["project", remoteText(run.projectId)],
    [
      "repository",
      run.repo && remoteText(`${run.repo.url}${run.repo.branch === undefined ? "" : ` (${run.repo.branch})`}`),
    ],
    ["used", usageWords(run.usage)],
    ["budget", budgetWords(run.budget)],
    ["made", `${run.createdAt} (${ago(run.createdAt, context.now())})`],
    ["took", run.startedAt && run.endedAt ? duration(Date.parse(run.endedAt) - Date.parse(run.startedAt)) : undefined],
  ];
  for (const [name, value] of facts)
    if (value !== undefined) output.line(`${output.colors.dim(name.padEnd(11))}${value}`);
  output.line();
  output.table(["STEP", "TOOL", "STATE", "TOOK", "TRIES", "SANDBOX", "WHY"], steps.map(stepRow), "no steps");
  for (const { name, sessionId } of steps)
    if (sessionId !== undefined && run.endedAt === undefined)
      output.line(`\n${remoteText(name)} is a session: signalbox session watch ${remoteText(sessionId)}`);
  const pending = gates.filter((gate) => gate.status === "pending");
  if (pending.length > 0) output.line("\nwaits for a decision:");
  for (const gate of pending) output.line(`  signalbox approve ${gate.id}   ${remoteText(gate.content.description)}`);
  if (artifacts.length > 0) output.line();
  if (artifacts.length > 0)
    output.table(
      ["ARTIFACT", "SIZE", "PATH"],
      artifacts.map((a) => [a.id, size(a.bytes), remoteText(a.path)]),
      "",
    );
}

function stepRow(step: StepDetails): string[] {
  const last = step.attempts.at(-1);
  const took = step.startedAt && step.endedAt ? duration(Date.parse(step.endedAt) - Date.parse(step.startedAt)) : "";
  const why = [step.reason, step.message && remoteText(step.message)].filter(Boolean).join(": ");
  return [
    remoteText(step.name),
    remoteText(step.tool),
    step.status,
    took,
    String(step.attempts.length || ""),
    last?.sandbox?.engine ?? "",
    why,
  ];
}
