import { ATTEMPT_TRANSITIONS, nextState, type MoveOf } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { AttemptRow, StepRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { invalidState, type RunChange } from "./run-change.ts";

/** What names an attempt and proves that the caller still holds it. */
export interface HeldAttempt {
  readonly attemptId: string;
  readonly epoch: number;
  /** The runner that says so, by its credential; absent when the control plane itself acts. */
  readonly runnerId?: string;
}

/** An attempt without its envelope, which no unit looks at once it is leased. */
export type AttemptChange = Omit<AttemptRow, "envelope" | "lease_until" | "created_at">;

const SELECT_ATTEMPT = `SELECT id, org_id, run_id, step_idx, number, epoch, runner_id, state, reason, message, exit_code,
  sandbox, envelope_hash, result, started_at, ended_at FROM attempts WHERE id = ?`;
const START_ATTEMPT = "UPDATE attempts SET state = ?, sandbox = ?, started_at = ? WHERE id = ?";
const END_ATTEMPT = "UPDATE attempts SET state = ?, reason = ?, message = ?, exit_code = ?, result = ?, ended_at = ? WHERE id = ?";

/** Loads an attempt for its holder. A stale epoch or another runner is refused as `FENCED`, an unknown id as absent. */
export function* loadHeldAttempt(held: HeldAttempt): Generator<Statement, AttemptChange, unknown> {
  const row = yield* get<AttemptChange>(SELECT_ATTEMPT, held.attemptId);
  if (!row) throw new UnitRefusal("ATTEMPT_NOT_FOUND", `there is no attempt ${held.attemptId}`, { attemptId: held.attemptId });
  const isHolder = held.runnerId === undefined || held.runnerId === row.runner_id;
  if (row.epoch !== held.epoch || !isHolder) throw fenced(held, row.epoch);
  return row;
}

/** The refusal of a write by somebody who no longer holds the attempt. */
export function fenced(held: HeldAttempt, epoch: number): UnitRefusal {
  return new UnitRefusal("FENCED", `attempt ${held.attemptId} is at epoch ${epoch}, not ${held.epoch}`, { attemptId: held.attemptId });
}

/** Moves an attempt along its table, or refuses. */
export function moveAttempt(row: AttemptChange, move: MoveOf<typeof ATTEMPT_TRANSITIONS>): void {
  const to = nextState(ATTEMPT_TRANSITIONS, row.state, move);
  if (!to) throw invalidState(`attempt ${row.id}`, row.state, move);
  row.state = to;
}

/** Writes that an attempt has begun. */
export function* saveStart(row: AttemptChange): Generator<Statement, void, unknown> {
  yield* run(START_ATTEMPT, row.state, row.sandbox, row.started_at, row.id);
}

/** Writes that an attempt is over. */
export function* saveEnd(row: AttemptChange): Generator<Statement, void, unknown> {
  yield* run(END_ATTEMPT, row.state, row.reason, row.message, row.exit_code, row.result, row.ended_at, row.id);
}

/** The step of an attempt in a loaded run. */
export function stepOf(change: RunChange, attempt: AttemptChange): StepRow {
  const step = change.steps[attempt.step_idx];
  if (!step) throw new Error(`attempt ${attempt.id} belongs to step ${attempt.step_idx}, which its run does not have`);
  return step;
}
