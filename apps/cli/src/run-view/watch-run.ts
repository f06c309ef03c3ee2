import type { Client, Gap } from "@signalbox/client";
import { isGap } from "@signalbox/client";
import type { EventRecord, Run, RunDetails } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import type { Output } from "../output.ts";
import { count } from "../text/format.ts";
import { LineSplitter } from "../text/line-splitter.ts";
import { JsonView } from "./json-view.ts";
import { LiveView } from "./live-view.ts";
import { PlainView } from "./plain-view.ts";
import { RunProgress } from "./run-progress.ts";
import type { RunView } from "./run-view.ts";

/** How watching a run came to its end. */
export type WatchEnd = "succeeded" | "failed" | "cancelled" | "waiting" | "left";

/** What is watched, and what may end it early. */
export interface WatchSettings {
  readonly client: Client;
  readonly run: Run;
  /** False: watching ends where the run cannot go on without a decision. */
  readonly waitsAtGates: boolean;
  /** What Ctrl-C does: `cancel` asks for the run to be cancelled, and only the second time leaves; `leave` leaves. */
  readonly onInterrupt: "cancel" | "leave";
}

/** What was seen of a run. */
export interface Watched {
  readonly end: WatchEnd;
  readonly progress: RunProgress;
  /** The last lines that each step wrote. */
  readonly lastLines: ReadonlyMap<string, readonly string[]>;
}

/** Once the run is over, output that is still on its way is waited for this long. */
const LATE_OUTPUT_MS = 5_000;
const WAITING_QUESTION_MS = 2_000;
const LAST_LINES = 20;

/** Shows a run until it has ended, and says how. */
export async function watchRun(context: Context, settings: WatchSettings): Promise<Watched> {
  const progress = new RunProgress(settings.run.createdAt);
  const view = viewFor(context.output, settings.run.id, progress);
  const leaving = new AbortController();
  using _ = context.interrupts.on(interruptHandler(settings, view, leaving));
  const lastLines = new Map<string, string[]>();
  const output = showOutput(settings, view, lastLines, leaving.signal);
  const asking = askWhyNothingHappens(settings, progress, view);
  try {
    const end = await showEvents(settings, progress, view, leaving);
    if (progress.end !== undefined) await Promise.race([output, timeUp(LATE_OUTPUT_MS, leaving.signal)]);
    return { end, progress, lastLines };
  } finally {
    clearInterval(asking);
    leaving.abort();
    await output;
    view.close();
  }
}

function viewFor(output: Output, runId: string, progress: RunProgress): RunView {
  if (output.isJson) return new JsonView(output);
  return output.isLive ? new LiveView({ output, runId, progress }) : new PlainView(output, progress);
}

async function showEvents(
  { client, run, waitsAtGates }: WatchSettings,
  progress: RunProgress,
  view: RunView,
  leaving: AbortController,
): Promise<WatchEnd> {
  let isLost = false;
  const onReconnect = () => {
    if (!isLost) view.notice("the connection was lost; trying again");
    isLost = true;
  };
  try {
    for await (const item of client.runs.watch(run.id, { signal: leaving.signal, onReconnect })) {
      if (isLost) view.notice("");
      isLost = false;
      show(item, progress, view);
      if (!waitsAtGates && progress.blockingGates.length > 0) return "waiting";
    }
    return progress.end ?? (await endOf(client, run.id, progress));
  } catch (error) {
    if (leaving.signal.aborted) return "left";
    throw error;
  }
}

function show(item: EventRecord | Gap, progress: RunProgress, view: RunView): void {
  if (isGap(item)) {
    view.notice(`${count(item.gap.earliest - item.gap.after - 1, "event")} of this run were removed by retention`);
    return;
  }
  progress.apply(item);
  view.event(item);
}

/** Where the events that say how it ended are gone, the run itself still knows. */
async function endOf(client: Client, runId: string, progress: RunProgress): Promise<WatchEnd> {
  const { run }: RunDetails = await client.runs.get(runId);
  progress.end = run.status === "succeeded" || run.status === "cancelled" ? run.status : "failed";
  progress.message = run.message;
  return progress.end;
}

async function showOutput(
  { client, run }: WatchSettings,
  view: RunView,
  lastLines: Map<string, string[]>,
  signal: AbortSignal,
): Promise<void> {
  const splitters = new Map<string, { readonly step: string; readonly splitter: LineSplitter }>();
  const show = (step: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    view.output(step, lines);
    lastLines.set(step, [...(lastLines.get(step) ?? []), ...lines].slice(-LAST_LINES));
  };
  try {
    for await (const chunk of client.runs.watchOutput(run.id, { signal })) {
      const key = `${chunk.attemptId}/${chunk.stream}`;
      const { splitter } = splitters.get(key) ?? { splitter: new LineSplitter() };
      splitters.set(key, { step: chunk.step, splitter });
      show(
        chunk.step,
        chunk.gap === undefined ? splitter.push(chunk.bytes) : [`[${chunk.length} bytes lost: ${chunk.gap}]`],
      );
    }
  } catch (error) {
    // The events go on without the output; a step's outcome is not in what it printed.
    if (!signal.aborted)
      view.notice(`output cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const { step, splitter } of splitters.values()) show(step, splitter.end());
}

/** Ctrl-C means the run, as it does for a program that was started here; a terminal that is closed means only us. */
function interruptHandler({ client, run, onInterrupt }: WatchSettings, view: RunView, leaving: AbortController) {
  let isCancelling = false;
  return (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => {
    if (signal !== "SIGINT" || isCancelling || onInterrupt === "leave") return leaving.abort();
    isCancelling = true;
    view.notice("cancelling the run; Ctrl-C again leaves it to the server");
    client.runs.cancel(run.id, { reason: "Ctrl-C" }).catch((error: unknown) => {
      view.notice(`the run could not be cancelled: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
}

/** Where nothing is at work for a while, the server is asked why, and its words are shown. */
function askWhyNothingHappens({ client, run }: WatchSettings, progress: RunProgress, view: RunView): NodeJS.Timeout {
  let told = "";
  const ask = async () => {
    const reasons = progress.isIdle && progress.end === undefined ? await client.runs.waiting(run.id) : [];
    // What waits for other steps or for a person is plain to see already.
    const surprising = reasons.filter(({ reason }) => reason !== "needs" && reason !== "gate");
    const words = surprising.map(({ step, message }) => `${step} waits: ${message}`).join("; ");
    if (words !== told) view.notice(words);
    told = words;
  };
  return setInterval(() => void ask().catch(() => undefined), WAITING_QUESTION_MS).unref();
}

function timeUp(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
