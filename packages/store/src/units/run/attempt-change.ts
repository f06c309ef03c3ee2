import { ATTEMPT_TRANSITIONS, isFinal, nextState, type MoveOf } from "@signalbox/protocol";

import { attemptIdOf, parseAttemptId } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { AttemptProgress, StepProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { invalidState, loadRun, type RunChange } from "./run-change.ts";

/** What names an attempt and proves that the caller still holds it. */
export interface HeldAttempt {
  readonly attemptId: string;
  readonly epoch: number;
  /** The runner that says so, by its credential; absent when the control plane itself acts. */
  readonly runnerId?: string;
}

/** An attempt in the hands of a unit, with its step and its run. */
export interface AttemptChange {
  readonly id: string;
  readonly change: RunChange;
  readonly step: StepProgress;
  readonly attempt: AttemptProgress;
}

/** Loads an attempt for its holder. A stale epoch or another runner is refused as `FENCED`, an unknown id as absent. */
export function* loadHeldAttempt(held: HeldAttempt): Generator<Statement, AttemptChange, unknown> {
  const place = parseAttemptId(held.attemptId);
  if (!place) throw attemptNotFound(held.attemptId);
  const change = yield* loadAttemptRun(place.runId, held.attemptId);
  const step = change.progress.steps[place.stepIndex];
  const attempt = step?.attempts[place.number - 1];
  if (!step || !attempt) throw attemptNotFound(held.attemptId);
  const isHolder = held.runnerId === undefined || held.runnerId === attempt.runnerId;
  if (attempt.number !== held.epoch || !isHolder)
    throw fenced(held.attemptId, `it is at epoch ${attempt.number}, or another runner's`);
  return { id: attemptIdOf(change.id, place.stepIndex, place.number), change, step, attempt };
}

function* loadAttemptRun(runId: string, attemptId: string): Generator<Statement, RunChange, unknown> {
  try {
    return yield* loadRun(runId);
  } catch (error) {
    if (error instanceof UnitRefusal && error.code === "RUN_NOT_FOUND") throw attemptNotFound(attemptId);
    throw error;
  }
}

function attemptNotFound(attemptId: string): UnitRefusal {
  return new UnitRefusal("ATTEMPT_NOT_FOUND", `there is no attempt ${attemptId}`, { attemptId });
}

/** The refusal of a write by somebody who no longer holds the attempt. */
export function fenced(attemptId: string, why: string): UnitRefusal {
  return new UnitRefusal("FENCED", `attempt ${attemptId} may not be written: ${why}`, { attemptId });
}

/** Moves an attempt along its table, or refuses. */
export function moveAttempt(
  { id, attempt }: Pick<AttemptChange, "id" | "attempt">,
  move: MoveOf<typeof ATTEMPT_TRANSITIONS>,
): void {
  const to = nextState(ATTEMPT_TRANSITIONS, attempt.state, move);
  if (!to) throw invalidState(`attempt ${id}`, attempt.state, move);
  attempt.state = to;
}

/** Whether an attempt is over. */
export function hasEnded(attempt: AttemptProgress): boolean {
  return isFinal(ATTEMPT_TRANSITIONS, attempt.state);
}
