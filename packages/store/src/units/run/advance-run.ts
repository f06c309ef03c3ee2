import { findTool, readSteps, type FailureReason } from "@signalbox/protocol";

import type { StepProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { askGate } from "./ask-gate.ts";
import { endAskedAgain } from "./gate-again.ts";
import { moveRun, moveStep, record, type RunChange } from "./run-change.ts";

/**
 * After steps have changed: lets begin what can begin, skips what a failure cut off, opens gates, and ends the run
 * when nothing is left. A run that somebody wants cancelled has nothing left to begin.
 */
export function* advanceRun(change: RunChange, now: number): Generator<Statement, void, unknown> {
  const reading = readSteps(change.progress.steps);
  for (const name of reading.unreachable) cutOff(change, stepNamed(change, name), now);
  for (const name of reading.ready) yield* begin(change, stepNamed(change, name), now);
  if (reading.outcome !== "going") yield* endRun(change, reading.outcome, now);
}

function stepNamed(change: RunChange, name: string): StepProgress {
  const step = change.progress.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`run ${change.id} has no step ${name}`);
  return step;
}

function cutOff(change: RunChange, step: StepProgress, now: number): void {
  moveStep(change, step, "skip");
  step.cutOff = true;
  step.reason = "needs_failed";
  step.message = "a step that this one needs did not succeed";
  step.endedAt = now;
  record(change, "step.finished", {
    name: step.name,
    status: "skipped",
    reason: "needs_failed",
    message: step.message,
  });
}

function* begin(change: RunChange, step: StepProgress, now: number): Generator<Statement, void, unknown> {
  if (findTool(step.tool)?.doneBy === "person") yield* openGate(change, step, now);
  else moveStep(change, step, "ready");
}

function* openGate(change: RunChange, step: StepProgress, now: number): Generator<Statement, void, unknown> {
  moveStep(change, step, "ask");
  step.startedAt = now;
  yield* askGate(change, step, now);
}

type Ending = "succeeded" | "failed" | "cancelled";

function* endRun(change: RunChange, outcome: Ending, now: number): Generator<Statement, void, unknown> {
  const { header, progress } = change;
  yield* endAskedAgain(change, now);
  const facts = { goal: header.goal, duration: now - header.createdAt, steps_count: progress.steps.length };
  progress.endedAt = now;
  switch (endingOf(change, outcome)) {
    case "cancelled":
      moveRun(change, "cancel");
      progress.reason ??= "cancelled";
      record(change, "run.cancelled", {
        ...facts,
        reason: progress.reason,
        ...(progress.message === null ? {} : { message: progress.message }),
      });
      return;
    case "failed": {
      moveRun(change, "fail");
      const culprit = progress.steps.find((step) => step.state === "failed");
      const reason: FailureReason = (progress.reason ??= culprit?.reason ?? "runtime_error");
      progress.message ??= `step ${culprit?.name ?? "?"} failed: ${culprit?.message ?? reason}`;
      record(change, "run.failed", { ...facts, error: progress.message, reason });
      return;
    }
    case "succeeded":
      // A plan whose steps are all gates never had a runner start one.
      startRun(change, now);
      moveRun(change, "succeed");
      // A wish to cancel that came too late is no reason for anything.
      progress.reason = null;
      progress.message = null;
      record(change, "run.succeeded", facts);
  }
}

/** A run that was stopped because its time was over has failed; one that somebody wanted stopped is cancelled. */
function endingOf({ progress }: RunChange, outcome: Ending): Ending {
  if (outcome === "succeeded" || progress.cancelRequestedAt === null) return outcome;
  return progress.reason === "timeout" ? "failed" : "cancelled";
}

/** Marks the first start. */
export function startRun(change: RunChange, now: number): void {
  if (change.state !== "queued") return;
  moveRun(change, "start");
  change.progress.startedAt = now;
  record(change, "run.started", {});
}
