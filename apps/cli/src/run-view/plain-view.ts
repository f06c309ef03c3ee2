import type { EventRecord } from "@signalbox/protocol";

import type { Output } from "../output.ts";
import { duration } from "../text/format.ts";
import { outputLine, remoteText } from "../text/remote-text.ts";
import type { RunProgress, StepProgress } from "./run-progress.ts";
import type { RunView } from "./run-view.ts";

/** One line for each thing that happens: for pipes, files and CI. */
export class PlainView implements RunView {
  readonly #output: Output;
  readonly #progress: RunProgress;

  constructor(output: Output, progress: RunProgress) {
    this.#output = output;
    this.#progress = progress;
  }

  event(event: EventRecord): void {
    const name = typeof event.data["name"] === "string" ? event.data["name"] : undefined;
    const step = name === undefined ? undefined : this.#progress.step(name);
    const words = step ? aboutStep(event.type, step) : aboutRun(event.type);
    if (words !== undefined) this.#output.line(step ? `${remoteText(step.name)}: ${words}` : words);
  }

  output(step: string, lines: readonly string[]): void {
    for (const line of lines) this.#output.line(`${remoteText(step)} | ${outputLine(line)}`);
  }

  notice(text: string): void {
    if (text !== "") this.#output.note(text);
  }

  close(): void {}
}

function aboutRun(type: string): string | undefined {
  if (type === "budget.extended") return "the run's budget was extended";
  return type === "run.cancel_requested" ? "cancelling" : undefined;
}

function aboutStep(type: string, step: StepProgress): string | undefined {
  const message = step.message === undefined || step.message === "" ? "" : `: ${remoteText(step.message)}`;
  if (type === "step.started") return startedWords(step);
  if (type === "step.progress")
    return `${step.percent === undefined ? "at work" : `${Math.round(step.percent)} %`}${message}`;
  if (type === "step.delayed") return `will be tried again${message}`;
  if (type === "gate.pending") return `waits for a decision${message} (signalbox approve ${step.gateId})`;
  if (type === "budget.exhausted") return "waits: the run's budget is used up (signalbox approvals)";
  if (type === "gate.approved") return "approved";
  if (type === "gate.denied") return "rejected";
  if (type === "gate.expired") return "nobody answered in time";
  if (type !== "step.finished") return undefined;
  const time = step.durationMs === undefined ? "" : ` in ${duration(step.durationMs)}`;
  return `${step.status}${step.status === "skipped" ? "" : time}${message}`;
}

function startedWords(step: StepProgress): string {
  const attempt = (step.attempt ?? 1) > 1 ? `, attempt ${step.attempt}` : "";
  const sandbox = step.sandbox === "none" ? ", without a sandbox" : "";
  return `started${attempt}${sandbox}`;
}
