import { isFinal, SESSION_TRANSITIONS } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer } from "../idempotency.ts";
import { cancelRun } from "../run/cancel-run.ts";
import { loadRun, type RunOutcome } from "../run/run-change.ts";
import { close } from "./session-queue.ts";
import { command, loadSession, moveSession, saveSession, type SessionOutcome } from "./session-change.ts";
import { loadLive, type SessionArgs } from "./session-inputs.ts";

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
}

/**
 * Ends a session. An agent with nothing to do is closed in good order; one at work is stopped, which cancels its run and is
 * repeated until the runner obeys. Stopping twice stops harder.
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
  const isIdle = progress.isReady && !progress.isWorking && progress.turns > 0 && progress.reason === null;
  if (isIdle) {
    close(change, "closed", args.reason);
    return { session: yield* saveSession(change, args) };
  }
  const run = yield* loadRun(row.run_id);
  if (run.progress.steps.length > 1) {
    const message = `session ${row.id} is a step of run ${run.id}; cancel the run`;
    if (progress.attemptId === null) throw new UnitRefusal("INVALID_STATE", message, { runId: run.id });
    progress.reason = null;
    close(change, "stopped", args.reason);
    return { session: yield* saveSession(change, args) };
  }
  progress.reason = progress.reason === null ? "stopped" : progress.reason;
  progress.message ??= args.reason ?? null;
  const session = yield* saveSession(change, args);
  const { now, actor, orgId, reason } = args;
  const cancelled = yield* cancelRun({
    runId: run.id,
    orgId,
    mode: "cancel",
    because: "cancelled",
    reason,
    now,
    actor,
  });
  return { session: cancelled.sessions.find(({ sessionId }) => sessionId === row.id) ?? session, run: cancelled };
}
