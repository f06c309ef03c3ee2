import { agentInputsOf, type Budget } from "@signalbox/protocol";

import type { PlannedStep, StepProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import { releaseWaiting } from "../session/held-back.ts";
import { loadSession } from "../session/session-change.ts";
import { advanceRun } from "./advance-run.ts";
import { loadLedger, saveLedger } from "./ledger-row.ts";
import { loadRun, moveStep, record, saveRun, type RunChange, type RunOutcome } from "./run-change.ts";
import { extend, isUsedUp, leave, newLedger, reserve, type RunLedger } from "./run-ledger.ts";

/** Puts a part of the run's budget aside for the next attempt at a step. Where nothing is left: the ledger that says so. */
export function* reserveBudget(
  change: RunChange,
  step: StepProgress,
  planned: PlannedStep,
): Generator<Statement, RunLedger | undefined, unknown> {
  const ledger = (yield* loadLedger(change.id)) ?? newLedger(change.header.budget ?? null);
  if (isUsedUp(ledger) && !(yield* isAboutToEnd(step))) return ledger;
  const { budget } = agentInputsOf(step.tool, planned.inputs);
  yield* saveLedger(change.id, reserve(ledger, change.progress.steps.indexOf(step), budget));
  return undefined;
}

/** Its agent has no more to do than to end, and needs a runner for that. */
function* isAboutToEnd({ sessionId }: StepProgress): Generator<Statement, boolean, unknown> {
  return sessionId !== undefined && (yield* loadSession(sessionId)).progress.reason !== null;
}

/** Tells in the run's log that a step waits for more, and commits it. */
export function* tellExhausted(
  runId: string,
  stepIndex: number,
  ledger: RunLedger,
  origin: Origin,
): Generator<Statement, RunOutcome, unknown> {
  const change = yield* loadRun(runId);
  const step = change.progress.steps[stepIndex];
  if (step) noteExhausted(change, step, ledger);
  return yield* saveRun(change, origin);
}

/** Notes that a step waits for more. */
export function noteExhausted(change: RunChange, { name }: StepProgress, { budget, used }: RunLedger): void {
  record(change, "budget.exhausted", { name, budget: budget ?? {}, usage: used });
}

/** Adds to a run's budget what somebody allowed. What waited may go on. */
export function* extendRunBudget(
  runId: string,
  allowed: Budget,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const ledger = yield* loadLedger(runId);
  if (!ledger) return undefined;
  const change = yield* loadRun(runId);
  const more = extend(ledger, allowed);
  record(change, "budget.extended", { budget: more.budget ?? {}, usage: more.used });
  const released = yield* releaseWaiting(change, more, origin);
  const outcome = yield* saveRun(change, origin);
  return { ...outcome, sessions: [...released, ...outcome.sessions] };
}

/** Ends a step that waited for a runner and a budget, and may not have more. One that a runner holds is left to it. */
export function* refuseBudget(
  runId: string,
  stepIndex: number,
  message: string,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const change = yield* loadRun(runId);
  const step = change.progress.steps[stepIndex];
  if (step?.state !== "ready" || step.live !== null) return undefined;
  const ledger = yield* loadLedger(runId);
  if (ledger) yield* saveLedger(runId, leave(ledger, stepIndex));
  moveStep(change, step, "fail");
  step.reason = "budget_exhausted";
  step.message = message;
  step.endedAt = origin.now;
  record(change, "step.finished", { name: step.name, status: "failed", reason: step.reason, message });
  yield* advanceRun(change, origin.now);
  return yield* saveRun(change, origin);
}
