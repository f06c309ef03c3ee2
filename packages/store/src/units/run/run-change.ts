import {
  nextState,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type MoveOf,
  type Repository,
  type RunEventData,
  type RunEventType,
  type RunState,
  type StepState,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { PlannedStep, RunHeader, RunProgress, RunRow, StepProgress, TimerKind, TimerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { appendEvents, type EventOrigin, type PendingEvent } from "../events.ts";
import { followSteps, standingOf } from "../session/follow-step.ts";
import { isPublication, tellPublications } from "../session/tell-publications.ts";
import type { SessionOutcome } from "../session/session-change.ts";

/** A run in the hands of a unit: what was loaded, what changes, and what happened. */
export interface RunChange {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly header: RunHeader;
  readonly progress: RunProgress;
  state: RunState;
  lastSeq: number;
  /** Read when somebody asks for it. */
  plan: readonly PlannedStep[] | undefined;
  /** Steps that came to wait for a runner. */
  readonly ready: Set<StepProgress>;
  readonly events: PendingEvent[];
  readonly timers: TimerRow[];
  readonly stateBefore: RunState | undefined;
  /** Where its steps that concern a session stood when it was loaded. */
  readonly standings: ReadonlyMap<StepProgress, string>;
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
  /** Sessions that went along with their steps. */
  readonly sessions: readonly SessionOutcome[];
  /** What was told when it happened: the answer to an earlier call with the same idempotency key. */
  readonly isRepeated?: true;
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
  readonly repo: Repository | null;
  readonly step: PlannedStep;
}

const SELECT_RUN = "SELECT * FROM runs WHERE id = ?";
const SELECT_PLAN = "SELECT steps FROM plans WHERE run_id = ?";
const UPDATE_PROGRESS = "UPDATE runs SET last_seq = ?, progress = ? WHERE id = ?";
// Apart, because a change of state moves the run in an index.
const UPDATE_STATE = "UPDATE runs SET state = ?, last_seq = ?, progress = ? WHERE id = ?";
const INSERT_TIMER =
  "INSERT INTO timers (id, kind, due_at, run_id, ref) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at";

/** Loads a run. With an org, a run of another is as absent as one that never was. */
export function* loadRun(runId: string, orgId?: string): Generator<Statement, RunChange, unknown> {
  const row = yield* get<RunRow>(SELECT_RUN, runId);
  if (!row || (orgId !== undefined && row.org_id !== orgId)) {
    throw new UnitRefusal("RUN_NOT_FOUND", `there is no run ${runId}`, { runId });
  }
  // Both written by this file and by createRun. Few units look at the header.
  const progress = JSON.parse(row.progress) as RunProgress;
  return {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    get header() {
      return JSON.parse(row.header) as RunHeader;
    },
    progress,
    state: row.state,
    lastSeq: row.last_seq,
    plan: undefined,
    ready: new Set(),
    events: [],
    timers: [],
    stateBefore: row.state,
    standings: standingsOf(progress),
  };
}

const NO_STANDINGS: ReadonlyMap<StepProgress, string> = new Map();

function standingsOf({ steps }: RunProgress): ReadonlyMap<StepProgress, string> {
  const followed = steps.filter((step) => step.sessionId !== undefined || isPublication(step));
  return followed.length === 0 ? NO_STANDINGS : new Map(followed.map((step) => [step, standingOf(step)]));
}

/** The plan of a run. */
export function* planOf(change: RunChange): Generator<Statement, readonly PlannedStep[], unknown> {
  if (!change.plan) {
    const row = yield* get<{ steps: string }>(SELECT_PLAN, change.id);
    change.plan = JSON.parse(row?.steps ?? "[]") as PlannedStep[];
  }
  return change.plan;
}

/** The plan of one step. */
export function* plannedStep(change: RunChange, step: StepProgress): Generator<Statement, PlannedStep, unknown> {
  const planned = (yield* planOf(change))[change.progress.steps.indexOf(step)];
  if (!planned) throw new Error(`step ${step.name} of run ${change.id} has no plan`);
  return planned;
}

/** Notes that something happened. It is appended when the run is saved. */
export function record<Type extends RunEventType>(change: RunChange, type: Type, data: RunEventData<Type>): void {
  change.events.push({ type, data });
}

/** Moves the run along its table, or refuses. */
export function moveRun(change: RunChange, move: MoveOf<typeof RUN_TRANSITIONS>): void {
  const to = nextState(RUN_TRANSITIONS, change.state, move);
  if (!to) throw invalidState(`run ${change.id}`, change.state, move);
  change.state = to;
}

/** Moves a step along its table, or refuses. */
export function moveStep(change: RunChange, step: StepProgress, move: MoveOf<typeof STEP_TRANSITIONS>): void {
  const to = nextState(STEP_TRANSITIONS, step.state, move);
  if (!to) throw invalidState(`step ${step.name} of run ${change.id}`, step.state, move);
  step.state = to;
  noteReadiness(change, step);
}

/** Sees whether a step waits for a runner now. */
export function noteReadiness(change: RunChange, step: StepProgress): void {
  if (step.state === "ready" && step.live === null) change.ready.add(step);
  else change.ready.delete(step);
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
  change.timers.push({ id: `${kind}:${change.id}:${ref}`, kind, due_at: dueAt, run_id: change.id, ref });
}

/** Writes what changed and appends what happened; returns what the rest of the system must know. */
export function* saveRun(
  change: RunChange,
  origin: Omit<EventOrigin, "orgId">,
): Generator<Statement, RunOutcome, unknown> {
  yield* saveTimers(change);
  change.lastSeq = yield* appendEvents(change.id, change.lastSeq, change.events, { ...origin, orgId: change.orgId });
  change.progress.updatedAt = origin.now;
  const progress = JSON.stringify(change.progress);
  if (change.state === change.stateBefore) yield* run(UPDATE_PROGRESS, change.lastSeq, progress, change.id);
  else yield* run(UPDATE_STATE, change.state, change.lastSeq, progress, change.id);
  return yield* outcomeOf(change, yield* tellSessions(change, origin));
}

/** Lets sessions go along with the steps that are their work, and tells those of which a step publishes something. */
export function* tellSessions(
  change: RunChange,
  origin: Omit<EventOrigin, "orgId">,
): Generator<Statement, SessionOutcome[], unknown> {
  const followed = yield* followSteps(change, origin);
  return [...followed, ...(yield* tellPublications(change, origin, plannedStep))];
}

/** Writes the timers that were set. */
export function* saveTimers(change: RunChange): Generator<Statement, void, unknown> {
  for (const timer of change.timers) {
    yield* run(INSERT_TIMER, timer.id, timer.kind, timer.due_at, timer.run_id, timer.ref);
  }
}

/** What a change comes to. */
export function* outcomeOf(
  change: RunChange,
  sessions: readonly SessionOutcome[] = [],
): Generator<Statement, RunOutcome, unknown> {
  const ready: ReadyStep[] = [];
  for (const step of change.ready) ready.push(readyStepOf(change, step, yield* plannedStep(change, step)));
  return {
    runId: change.id,
    orgId: change.orgId,
    state: change.state,
    lastSeq: change.lastSeq,
    ready,
    timers: change.timers,
    sessions,
  };
}

/** A step as the dispatcher sees it. */
export function readyStepOf(
  change: Pick<RunChange, "id" | "orgId" | "projectId" | "progress">,
  step: StepProgress,
  planned: PlannedStep,
): ReadyStep {
  return {
    runId: change.id,
    orgId: change.orgId,
    projectId: change.projectId,
    index: change.progress.steps.indexOf(step),
    nextAttempt: step.attempts.length + 1,
    manifest: change.progress.manifest,
    repo: change.progress.repo,
    step: planned,
  };
}
