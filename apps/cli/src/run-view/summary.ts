import type { Client } from "@signalbox/client";

import type { Context } from "../context.ts";
import { count, duration, size } from "../text/format.ts";
import { outputLine, remoteText } from "../text/remote-text.ts";
import type { Watched } from "./watch-run.ts";

/** Says how watching a run ended, and what to type next. */
export async function summarize(context: Context, client: Client, runId: string, watched: Watched): Promise<void> {
  const { output } = context;
  if (output.isJson) return output.document({ success: true, data: await client.runs.get(runId) });
  if (watched.end === "waiting") return tellGates(context, runId, watched);
  if (watched.end === "left") return output.note(`${runId} goes on; watch it with \`signalbox logs -f ${runId}\``);
  if (watched.end === "failed") tellFailures(context, watched);
  const { progress, end } = watched;
  const time = progress.durationMs === undefined ? "" : ` in ${duration(progress.durationMs)}`;
  const why = progress.message === undefined ? "" : `: ${remoteText(progress.message)}`;
  const color = end === "succeeded" ? output.colors.green : end === "failed" ? output.colors.red : output.colors.yellow;
  output.line(color(`${runId} ${end}${time}${why}`));
  tellArtifacts(context, runId, watched);
}

function tellGates({ output }: Context, runId: string, { progress }: Watched): void {
  output.line(`${runId} waits for ${count(progress.blockingGates.length, "decision")}:`);
  for (const gateId of progress.blockingGates) output.line(`  signalbox approve ${gateId}`);
}

/** What the steps that failed said last, for those who saw only the live picture. */
function tellFailures({ output }: Context, { progress, lastLines }: Watched): void {
  for (const step of progress.steps.filter(({ status }) => status === "failed")) {
    const lines = output.isLive ? (lastLines.get(step.name) ?? []) : [];
    if (lines.length === 0) continue;
    output.line(output.colors.red(`the last lines of ${remoteText(step.name)}:`));
    for (const line of lines) output.line(`  ${outputLine(line)}`);
  }
}

function tellArtifacts({ output }: Context, runId: string, { progress }: Watched): void {
  if (progress.artifacts.length === 0) return;
  for (const { path, bytes } of progress.artifacts) output.line(`  artifact ${remoteText(path)} (${size(bytes)})`);
  output.note(`  fetch them with \`signalbox artifacts ${runId} --to <folder>\``);
}
