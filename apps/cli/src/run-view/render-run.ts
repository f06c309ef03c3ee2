import type { Colors } from "../output.ts";
import { duration } from "../text/format.ts";
import { outputLine, remoteText } from "../text/remote-text.ts";
import { fit, pad, widthOf } from "../text/width.ts";
import type { RunProgress, StepProgress } from "./run-progress.ts";

/** What a picture of a run is made from, beside its progress. */
export interface Frame {
  readonly runId: string;
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly colors: Colors;
  /** The last lines of output, newest last. */
  readonly tail: readonly { readonly step: string; readonly text: string }[];
  /** What the person should know now. */
  readonly notice: string | undefined;
}

const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const SPINNER_MS = 100;
const TAIL_LINES = 6;
const NAME_COLUMNS = 32;

/** A run as lines for a terminal: none is too wide, and together they are never taller than it. */
export function renderRun(progress: RunProgress, frame: Frame): string[] {
  const tailRoom = progress.end === undefined ? Math.min(TAIL_LINES, Math.max(0, frame.rows - 6)) : 0;
  const tail = tailRoom === 0 ? [] : frame.tail.slice(-tailRoom).map((line) => tailLine(line, frame));
  const notice = frame.notice === undefined ? [] : [frame.colors.yellow(frame.notice)];
  const room = Math.max(1, frame.rows - 2 - tail.length - notice.length);
  const lines = [headLine(progress, frame), ...stepLines(progress, frame, room), ...tail, ...notice];
  // One column stays free: writing into the last one makes some terminals wrap.
  return lines.map((line) => fit(line, frame.columns - 1)).slice(0, Math.max(1, frame.rows - 1));
}

function headLine(progress: RunProgress, { runId, nowMs, colors, columns }: Frame): string {
  const over = progress.steps.filter((step) => isOver(step)).length;
  const time = duration(progress.durationMs ?? nowMs - progress.createdAtMs);
  const state = progress.end ?? (progress.isCancelRequested ? "cancelling" : progress.isStarted ? "running" : "queued");
  const right = `${state}  ${over}/${progress.steps.length}  ${time}`;
  const left = fit(`${runId}  ${remoteText(progress.goal)}`, Math.max(8, columns - widthOf(right) - 4));
  return `${colors.bold(left)}  ${colorOf(state, colors)(right)}`;
}

/** All steps where there is room; else those at work, what is just before and after them, and how many are left out. */
function stepLines(progress: RunProgress, frame: Frame, room: number): string[] {
  const { steps } = progress;
  const nameColumns = Math.min(NAME_COLUMNS, Math.max(0, ...steps.map((step) => widthOf(remoteText(step.name)))));
  const toLine = (step: StepProgress) => stepLine(step, nameColumns, frame);
  if (steps.length <= room) return steps.map(toLine);
  if (room < 3) return [];
  const active = steps.findIndex((step) => !isOver(step));
  const shown = room - 2;
  const start = Math.max(
    0,
    Math.min((active < 0 ? steps.length : active) - Math.floor(shown / 3), steps.length - shown),
  );
  const before = start === 0 ? [] : [frame.colors.dim(`  … ${start} before`)];
  const after = steps.length - start - shown;
  const rest = after === 0 ? [] : [frame.colors.dim(`  … ${after} to come`)];
  return [...before, ...steps.slice(start, start + shown).map(toLine), ...rest];
}

function stepLine(step: StepProgress, nameColumns: number, frame: Frame): string {
  const { colors } = frame;
  const color = colorOf(step.status, colors);
  const name = pad(fit(remoteText(step.name), nameColumns), nameColumns);
  return `  ${color(markOf(step, frame))} ${name}  ${colors.dim(pad(remoteText(step.tool), 14))} ${rightOf(step, frame)}`.trimEnd();
}

function rightOf(step: StepProgress, { nowMs, colors }: Frame): string {
  const ms = step.durationMs ?? (step.startedAtMs === undefined ? undefined : nowMs - step.startedAtMs);
  const time = ms === undefined || step.status === "pending" ? "" : duration(ms);
  const percent = step.percent === undefined ? "" : `${Math.round(step.percent)} %`;
  const sandbox = step.sandbox === "none" && step.status === "running" ? colors.yellow("no sandbox") : "";
  const gate = step.status === "waiting" ? colors.yellow(`signalbox approve ${step.gateId ?? ""}`) : "";
  const retry = (step.attempt ?? 1) > 1 ? `attempt ${step.attempt}` : "";
  const message = step.message === undefined ? "" : remoteText(step.message);
  return [pad(time, 8), retry, percent, gate, sandbox, message].filter((part) => part.trim() !== "").join("  ");
}

function tailLine({ step, text }: Frame["tail"][number], { colors }: Frame): string {
  return colors.dim(`  │ ${remoteText(step)}  ${outputLine(text).replaceAll("\t", "  ")}`);
}

function markOf(step: StepProgress, { nowMs }: Frame): string {
  if (step.status === "running") return SPINNER[Math.floor(nowMs / SPINNER_MS) % SPINNER.length] ?? "";
  return MARKS[step.status];
}

const MARKS = {
  pending: "·",
  ready: "·",
  running: "▶",
  delayed: "…",
  waiting: "◆",
  succeeded: "✔",
  failed: "✘",
  skipped: "–",
  cancelled: "■",
} as const satisfies Record<StepProgress["status"], string>;

function isOver({ status }: StepProgress): boolean {
  return status === "succeeded" || status === "failed" || status === "skipped" || status === "cancelled";
}

function colorOf(state: string, colors: Colors): (text: string) => string {
  if (state === "succeeded") return colors.green;
  if (state === "failed") return colors.red;
  if (state === "waiting" || state === "cancelled" || state === "cancelling" || state === "delayed")
    return colors.yellow;
  return state === "running" ? colors.cyan : colors.dim;
}
