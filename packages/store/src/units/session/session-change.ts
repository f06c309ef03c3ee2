import {
  nextState,
  SESSION_TRANSITIONS,
  type MoveOf,
  type SessionCommand,
  type SessionEventData,
  type SessionEventType,
  type SessionState,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { SessionProgress, SessionRow, TimerKind, TimerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import type { RunOutcome } from "../run/run-change.ts";
import { appendEvents, type EventOrigin, type PendingEvent } from "../events.ts";

/** A session in the hands of a unit: what was loaded, what changes, and what happened. */
export interface SessionChange {
  readonly row: SessionRow;
  readonly progress: SessionProgress;
  readonly events: PendingEvent[];
  readonly commands: NumberedCommand[];
  readonly timers: TimerRow[];
}

/** What a session is told, with its number. */
export interface NumberedCommand {
  readonly seq: number;
  readonly command: SessionCommand;
}

/** What the rest of the system needs to know after the commit. */
export interface SessionOutcome {
  readonly sessionId: string;
  readonly orgId: string;
  readonly runId: string;
  readonly state: SessionState;
  readonly lastSeq: number;
  /** Who holds it, if anybody does: where its commands go. */
  readonly holder: { readonly attemptId: string; readonly epoch: number; readonly runnerId: string } | null;
  /** What happened, as it was appended to the session's log. */
  readonly events: readonly PendingEvent[];
  /** Commands that this unit added. */
  readonly commands: readonly NumberedCommand[];
  /** The number of the last command that the runner's record says was taken. */
  readonly taken: number;
  readonly timers: readonly TimerRow[];
  /** What became of its run, where something did. */
  readonly run?: RunOutcome | undefined;
}

const SELECT_SESSION = "SELECT * FROM sessions WHERE id = ?";
const UPDATE_SESSION = "UPDATE sessions SET state = ?, last_seq = ?, progress = ?, ended_at = ? WHERE id = ?";
const INSERT_COMMAND = "INSERT INTO session_commands (session_id, seq, command, at) VALUES (?, ?, ?, ?)";
const INSERT_TIMER =
  "INSERT INTO timers (id, kind, due_at, run_id, ref) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at";

/** Loads a session. With an org, one of another is as absent as one that never was. */
export function* loadSession(sessionId: string, orgId?: string): Generator<Statement, SessionChange, unknown> {
  const row = yield* get<SessionRow>(SELECT_SESSION, sessionId);
  if (!row || (orgId !== undefined && row.org_id !== orgId)) {
    throw new UnitRefusal("SESSION_NOT_FOUND", `there is no session ${sessionId}`, { sessionId });
  }
  return changeOf(row);
}

/** A row in the hands of a unit. */
export function changeOf(row: SessionRow): SessionChange {
  // Written by this file and by openSession.
  return { row, progress: JSON.parse(row.progress) as SessionProgress, events: [], commands: [], timers: [] };
}

/** Notes that something happened. It is appended when the session is saved. */
export function tell<Type extends SessionEventType>(
  change: SessionChange,
  type: Type,
  data: SessionEventData<Type>,
): void {
  change.events.push({ type, data });
}

/** Whether the table has a way. */
export function canMove({ row }: SessionChange, move: MoveOf<typeof SESSION_TRANSITIONS>): boolean {
  return nextState(SESSION_TRANSITIONS, row.state, move) !== undefined;
}

/** Moves the session along its table and tells it, or refuses. */
export function moveSession(change: SessionChange, move: MoveOf<typeof SESSION_TRANSITIONS>): void {
  const from = change.row.state;
  const to = nextState(SESSION_TRANSITIONS, from, move);
  if (!to) {
    throw new UnitRefusal("INVALID_STATE", `session ${change.row.id} is ${from}; that leaves no way to ${move} it`, {
      state: from,
      move,
    });
  }
  change.row.state = to;
  tell(change, "session.state_changed", { from, to });
}

/** Adds something that the agent's runner must be told. */
export function command(change: SessionChange, what: SessionCommand): void {
  change.progress.commands += 1;
  change.commands.push({ seq: change.progress.commands, command: what });
}

/** Sets a timer that fires once; setting it again moves it. */
export function setSessionTimer(change: SessionChange, kind: TimerKind, ref: string, dueAt: number): void {
  change.timers.push({ id: `${kind}:${ref}`, kind, due_at: dueAt, run_id: change.row.run_id, ref });
}

/** Writes what changed and appends what happened; returns what the rest of the system must know. */
export function* saveSession(
  change: SessionChange,
  origin: Omit<EventOrigin, "orgId">,
): Generator<Statement, SessionOutcome, unknown> {
  const { row, progress } = change;
  for (const { seq, command: what } of change.commands) {
    yield* run(INSERT_COMMAND, row.id, seq, JSON.stringify(what), origin.now);
  }
  for (const timer of change.timers) {
    yield* run(INSERT_TIMER, timer.id, timer.kind, timer.due_at, timer.run_id, timer.ref);
  }
  row.last_seq = yield* appendEvents(row.id, row.last_seq, change.events, { ...origin, orgId: row.org_id });
  progress.updatedAt = origin.now;
  yield* run(UPDATE_SESSION, row.state, row.last_seq, JSON.stringify(progress), row.ended_at, row.id);
  return outcomeOfSession(change);
}

/** What a change comes to. */
export function outcomeOfSession({ row, progress, events, commands, timers }: SessionChange): SessionOutcome {
  const { attemptId, epoch, runnerId } = progress;
  return {
    sessionId: row.id,
    orgId: row.org_id,
    runId: row.run_id,
    state: row.state,
    lastSeq: row.last_seq,
    holder: attemptId === null || runnerId === null ? null : { attemptId, epoch, runnerId },
    events,
    commands,
    taken: progress.taken,
    timers,
  };
}
