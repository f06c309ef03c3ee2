import { isFinal, SESSION_TRANSITIONS } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer } from "../idempotency.ts";
import { cancelRun } from "../run/cancel-run.ts";
import { loadRun, type RunOutcome } from "../run/run-change.ts";
import { supersedeApprovals } from "./approvals.ts";
import { close } from "./session-queue.ts";
import {
  command,
  loadSession,
  moveSession,
  saveSession,
  type SessionChange,
  type SessionOutcome,
} from "./session-change.ts";
import { loadLive, type SessionArgs } from "./session-inputs.ts";
import { isEndedBySomebody, meaningOfStop } from "./stop-meaning.ts";

/** Stops the turn that goes on; the session stays. Without one it does nothing. */
export function* interruptSession(args: SessionArgs): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  if (change.progress.isWorking) command(change, { kind: "interrupt" });
  return yield* saveSession(change, args);
}

/** Holds a session: its turn is interrupted and nothing more is said to the agent until it is resumed. */
export function pauseSession(args: SessionArgs): Generator<Statement, Answer<SessionOutcome>, unknown> {
  return once(args, pause);
}

function* pause(args: SessionArgs): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  const { progress } = change;
  moveSession(change, "pause");
  progress.isPaused = true;
  progress.wasWorking = progress.isWorking;
  command(change, { kind: "pause" });
  return yield* saveSession(change, args);
}

/** Lets a held session go on: with the turn that was interrupted, else with what waits. */
export function resumeSession(args: SessionArgs): Generator<Statement, Answer<SessionOutcome>, unknown> {
  return once(args, resume);
}

function* resume(args: SessionArgs): Generator<Statement, SessionOutcome, unknown> {
  const change = yield* loadLive(args);
  const { progress } = change;
  moveSession(change, "resume");
  if (progress.open.length > 0) moveSession(change, "ask");
  command(change, { kind: "resume", continues: progress.wasWorking });
  // With no turn to go on with, what waits is said once the agent has heard this.
  if (!progress.wasWorking) progress.idle = { status: "cancelled" };
  progress.isPaused = false;
  progress.wasWorking = false;
  return yield* saveSession(change, args);
}

/** A session that was told to stop: by a word to its agent, or by cancelling the run that it is all of. */
export interface StoppedSession {
  readonly session: SessionOutcome;
  readonly run?: (RunOutcome & { readonly live: readonly string[] }) | undefined;
  /** The attempt that is to be stopped at once, where the run is to go on without it. */
  readonly attemptId?: string;
}

/**
 * Ends a session. An agent with nothing to do is closed in good order; one at work is stopped, which cancels its run, or the
 * step of it, and is repeated until the runner obeys. What it means is decided here, and holds whatever happens until the
 * agent is gone. Stopping twice stops harder.
 */
export function stopSession(
  args: SessionArgs & { readonly reason?: string | undefined },
): Generator<Statement, Answer<StoppedSession>, unknown> {
  return once(args, stop);
}

function* stop(
  args: SessionArgs & { readonly reason?: string | undefined },
): Generator<Statement, StoppedSession, unknown> {
  const change = yield* loadSession(args.sessionId, args.orgId);
  const { row, progress } = change;
  if (isFinal(SESSION_TRANSITIONS, row.state)) {
    throw new UnitRefusal("INVALID_STATE", `session ${row.id} is ${row.state}`, { state: row.state });
  }
  const meaning = yield* meaningOfStop(change);
  const isFirst = !isEndedBySomebody(progress);
  // Nobody can let it go on any more.
  yield* supersedeApprovals(change, () => true, args);
  if (meaning === "closed" && progress.isReady && progress.reason === null) {
    close(change, "closed", args.reason);
    return { session: yield* saveSession(change, args) };
  }
  const run = yield* loadRun(row.run_id);
  if (run.progress.steps.length === 1) return yield* stopRun(change, meaning, args);

  const { attemptId } = progress;
  if (attemptId === null) {
    const message = `session ${row.id} is a step of run ${run.id}; cancel the run`;
    throw new UnitRefusal("INVALID_STATE", message, { runId: run.id });
  }
  if (isFirst) {
    progress.reason = null;
    close(change, meaning, args.reason);
  }
  return { session: yield* saveSession(change, args), attemptId };
}

/** The run is all of it. */
function* stopRun(
  change: SessionChange,
  meaning: "closed" | "stopped",
  { now, actor, orgId, reason }: SessionArgs & { readonly reason?: string | undefined },
): Generator<Statement, StoppedSession, unknown> {
  const { row, progress } = change;
  progress.reason ??= meaning;
  progress.message ??= reason ?? null;
  const session = yield* saveSession(change, { now, actor });
  const cancelled = yield* cancelRun({
    runId: row.run_id,
    orgId,
    mode: "cancel",
    because: "cancelled",
    reason,
    now,
    actor,
  });
  return { session: cancelled.sessions.find(({ sessionId }) => sessionId === row.id) ?? session, run: cancelled };
}
