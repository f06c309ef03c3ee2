import {
  nextState,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type MoveOf,
  type RunEventData,
  type RunEventType,
  type RunState,
  type StepState,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { RunRow, StepRow, TimerKind, TimerRow } from "../../rows.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import { appendEvents, type EventOrigin, type PendingEvent } from "../events.ts";

/** A run in the hands of a unit: what was loaded, what changed, and what happened. */
export interface RunChange {
  readonly run: RunRow;
  /** All steps, in plan order. */
  readonly steps: StepRow[];
  /** Whether more than the number of its last event has changed in the run's own row. */
  isRunChanged: boolean;
  readonly changed: Set<StepRow>;
  readonly events: PendingEvent[];
  readonly timers: TimerRow[];
}

/** What the rest of the system needs to know after the commit. */
export interface RunOutcome {
  readonly runId: string;
  readonly orgId: string;
  readonly state: RunState;
  readonly lastSeq: number;
  /** Steps that wait for a runner now because of this unit. */
  readonly ready: readonly ReadyStep[];
  readonly timers: readonly TimerRow[];
}

/** A step that waits for a runner. */
export interface ReadyStep {
  readonly runId: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly index: number;
  /** The number that its next attempt will have. */
  readonly nextAttempt: number;
  readonly manifest: string | null;
  readonly repo: string | null;
  readonly definition: string;
}

const SELECT_RUN = "SELECT * FROM runs WHERE id = ?";
/** The subquery keeps SQLite from planning the statement anew for every run id (docs/decisions/0003). */
const SELECT_STEPS = "SELECT * FROM steps WHERE run_id = (SELECT ?) ORDER BY idx";
const UPDATE_SEQ = "UPDATE runs SET last_seq = ?, updated_at = ? WHERE id = ?";
const UPDATE_RUN = `UPDATE runs SET state = ?, reason = ?, message = ?, cancel_requested_at = ?, cancel_mode = ?,
  repo = ?, manifest = ?, steps_done = ?, last_seq = ?, updated_at = ?, started_at = ?, ended_at = ? WHERE id = ?`;
const UPDATE_STEP = `UPDATE steps SET state = ?, reason = ?, message = ?, outputs = ?, attempts = ?, failures = ?,
  losses = ?, live_attempt = ?, cut_off = ?, started_at = ?, ended_at = ? WHERE run_id = ? AND idx = ?`;
const INSERT_TIMER = "INSERT INTO timers (id, kind, due_at, run_id, ref) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at";

/** Loads a run with all its steps. With an org, a run of another is as absent as one that never was. */
export function* loadRun(runId: string, orgId?: string): Generator<Statement, RunChange, unknown> {
  const found = yield* get<RunRow>(SELECT_RUN, runId);
  if (!found || (orgId !== undefined && found.org_id !== orgId)) {
    throw new UnitRefusal("RUN_NOT_FOUND", `there is no run ${runId}`, { runId });
  }
  const steps = yield* all<StepRow>(SELECT_STEPS, runId);
  return { run: found, steps, isRunChanged: false, changed: new Set(), events: [], timers: [] };
}

/** Notes that something happened. It is appended when the run is saved. */
export function record<Type extends RunEventType>(
  change: RunChange,
  type: Type,
  data: RunEventData<Type>,
): void {
  change.events.push({ type, data });
}

/** Moves the run along its table, or refuses. */
export function moveRun(change: RunChange, move: MoveOf<typeof RUN_TRANSITIONS>): void {
  const to = nextState(RUN_TRANSITIONS, change.run.state, move);
  if (!to) throw invalidState(`run ${change.run.id}`, change.run.state, move);
  change.run.state = to;
  change.isRunChanged = true;
}

/** Moves a step along its table, or refuses. */
export function moveStep(change: RunChange, step: StepRow, move: MoveOf<typeof STEP_TRANSITIONS>): void {
  const to = nextState(STEP_TRANSITIONS, step.state, move);
  if (!to) throw invalidState(`step ${step.name} of run ${change.run.id}`, step.state, move);
  const wasOver = isOver(step.state);
  step.state = to;
  if (!wasOver && isOver(to)) {
    change.run.steps_done += 1;
    change.isRunChanged = true;
  }
  change.changed.add(step);
}

/** The refusal of a move that the table does not have. */
export function invalidState(noun: string, state: string, move: string): UnitRefusal {
  return new UnitRefusal("INVALID_STATE", `${noun} is ${state}; that leaves no way to ${move} it`, { state, move });
}

/** Whether a step is over. */
export function isOver(state: StepState): boolean {
  return Object.keys(STEP_TRANSITIONS[state]).length === 0;
}

/** Sets a timer that fires once; setting it again moves it. */
export function setTimerRow(change: RunChange, kind: TimerKind, ref: string, dueAt: number): void {
  change.timers.push({ id: `${kind}:${change.run.id}:${ref}`, kind, due_at: dueAt, run_id: change.run.id, ref });
}

/** Writes what changed and appends what happened; returns what the rest of the system must know. */
export function* saveRun(change: RunChange, origin: EventOrigin): Generator<Statement, RunOutcome, unknown> {
  const { run: row } = change;
  for (const step of change.changed) yield* saveStep(step);
  yield* saveTimers(change);
  row.last_seq = yield* appendEvents(row.id, row.last_seq, change.events, origin);
  row.updated_at = origin.now;
  if (!change.isRunChanged) {
    yield* run(UPDATE_SEQ, row.last_seq, row.updated_at, row.id);
    return outcomeOf(change);
  }
  yield* run(
    UPDATE_RUN, row.state, row.reason, row.message, row.cancel_requested_at, row.cancel_mode, row.repo, row.manifest,
    row.steps_done, row.last_seq, row.updated_at, row.started_at, row.ended_at, row.id,
  );
  return outcomeOf(change);
}

/** Writes the timers that were set. */
export function* saveTimers(change: RunChange): Generator<Statement, void, unknown> {
  for (const timer of change.timers) {
    yield* run(INSERT_TIMER, timer.id, timer.kind, timer.due_at, timer.run_id, timer.ref);
  }
}

function* saveStep(step: StepRow): Generator<Statement, void, unknown> {
  yield* run(
    UPDATE_STEP, step.state, step.reason, step.message, step.outputs, step.attempts, step.failures, step.losses,
    step.live_attempt, step.cut_off, step.started_at, step.ended_at, step.run_id, step.idx,
  );
}

/** What a change comes to. Ready are the changed steps that wait for a runner. */
export function outcomeOf(change: RunChange): RunOutcome {
  const { run: row } = change;
  const ready = [...change.changed].filter((step) => step.state === "ready" && step.live_attempt === null);
  return {
    runId: row.id,
    orgId: row.org_id,
    state: row.state,
    lastSeq: row.last_seq,
    ready: ready.map((step) => readyStepOf(row, step)),
    timers: change.timers,
  };
}

/** A step as the dispatcher sees it. */
export function readyStepOf(row: RunRow, step: StepRow): ReadyStep {
  return {
    runId: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    index: step.idx,
    nextAttempt: step.attempts + 1,
    manifest: row.manifest,
    repo: row.repo,
    definition: step.definition,
  };
}
