import { FAILURE_REASONS, type AttemptResult, type FailureReason } from "@signalbox/protocol";

import type { AttemptProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import type { AttemptChange } from "./attempt-change.ts";
import { decideRetry } from "./retry-decision.ts";
import { moveStep, plannedStep, record, setTimerRow } from "./run-change.ts";

/** What is told of an ending. */
export type EndingFacts = Pick<AttemptResult, "message" | "exitCode" | "durationMs"> & {
  readonly reason?: FailureReason | undefined;
};

/** After an attempt without success: another attempt now or later, or the end of the step. */
export function* failStep(
  held: AttemptChange,
  facts: EndingFacts & { readonly reason: FailureReason },
  now: number,
): Generator<Statement, void, unknown> {
  const { id, change, step, attempt } = held;
  if (FAILURE_REASONS[facts.reason].kind === "infrastructure") step.losses += 1;
  else step.failures += 1;
  const decision = decideRetry((yield* plannedStep(change, step)).retry, facts.reason, step);
  step.reason = facts.reason;
  step.message = facts.message ?? null;
  if (decision.kind === "final") {
    moveStep(change, step, "fail");
    closeStep(held, facts, now);
    return;
  }
  record(change, "attempt.ended", {
    name: step.name,
    attemptId: id,
    epoch: attempt.number,
    runnerId: attempt.runnerId,
    status: endStatus(attempt),
    reason: facts.reason,
    ...(facts.message === undefined ? {} : { message: facts.message }),
  });
  if (decision.delayMs > 0) {
    moveStep(change, step, "delay");
    setTimerRow(change, "step.delay", String(change.progress.steps.indexOf(step)), now + decision.delayMs);
    record(change, "step.delayed", { name: step.name, delayMs: decision.delayMs, reason: facts.reason });
  } else if (step.state === "running") {
    moveStep(change, step, "retry");
  }
}

/** Tells that a step is over. */
export function closeStep(
  { id, change, step, attempt }: AttemptChange,
  { exitCode, durationMs, reason, message }: EndingFacts,
  now: number,
): void {
  step.endedAt = now;
  step.message = message ?? null;
  // The caller has just moved it to one of these.
  const status = step.state as "succeeded" | "failed" | "skipped" | "cancelled";
  record(change, "step.finished", {
    name: step.name,
    status,
    attemptId: id,
    // How the attempt ended, where that is not how its step did.
    ...(attempt.state === status ? {} : { attemptStatus: endStatus(attempt) }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  });
}

function endStatus(attempt: AttemptProgress): "failed" | "lost" | "interrupted" {
  return attempt.state === "lost" || attempt.state === "interrupted" ? attempt.state : "failed";
}
