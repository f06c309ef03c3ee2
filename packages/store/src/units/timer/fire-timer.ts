import { isFinal, RUN_TRANSITIONS, SYSTEM_ACTOR } from "@signalbox/protocol";

import type { RunRow, TimerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { cancelRun, type CancelledRun } from "../run/cancel-run.ts";
import { resolveGate } from "../run/resolve-gate.ts";
import { loadRun, moveStep, outcomeOf, saveRun, type RunOutcome } from "../run/run-change.ts";
import type { SessionOutcome } from "../session/session-change.ts";
import { closeInactive, expireApproval, forgetSession } from "../session/session-timers.ts";

const SELECT_TIMER = "SELECT * FROM timers WHERE id = ?";
const DELETE_TIMER = "DELETE FROM timers WHERE id = ?";
const SELECT_STATE = "SELECT state, org_id FROM runs WHERE id = ?";
const SELECT_GATE_STATE = "SELECT state FROM gates WHERE id = ?";

/** What a timer did, to a run or to a session. */
export interface FiredTimer {
  readonly run?: (RunOutcome & Partial<CancelledRun>) | undefined;
  readonly session?: SessionOutcome | undefined;
}

/**
 * Does what a timer is for, and forgets it, in one commit: nothing happens twice. A timer that is gone, or not yet
 * due, does nothing; so does one whose purpose is over.
 */
export function* fireTimer(args: { id: string; now: number }): Generator<Statement, FiredTimer | undefined, unknown> {
  const timer = yield* get<TimerRow>(SELECT_TIMER, args.id);
  if (!timer || timer.due_at > args.now) return undefined;
  yield* run(DELETE_TIMER, args.id);
  if (timer.kind === "session.forget") {
    yield* forgetSession(timer.ref);
    return undefined;
  }
  const row = yield* get<Pick<RunRow, "state" | "org_id">>(SELECT_STATE, timer.run_id);
  if (!row || isFinal(RUN_TRANSITIONS, row.state)) return undefined;

  switch (timer.kind) {
    case "step.delay":
      return { run: yield* endDelay(timer, args.now) };
    case "gate.expire":
      return { run: yield* expireGate(timer, row.org_id, args.now) };
    case "approval.expire":
      return { session: yield* expireApproval(timer.ref, row.org_id, args.now) };
    case "session.inactive":
      return { session: yield* closeInactive(timer.ref, args.now) };
    case "run.timeout":
      return { run: yield* endTime(timer, row.org_id, args.now) };
  }
}

function endTime(timer: TimerRow, orgId: string, now: number): Generator<Statement, CancelledRun, unknown> {
  return cancelRun({
    runId: timer.run_id,
    orgId,
    mode: "cancel",
    because: "timeout",
    reason: "the run's time limit passed",
    now,
    actor: SYSTEM_ACTOR,
  });
}

function* endDelay(timer: TimerRow, now: number): Generator<Statement, RunOutcome, unknown> {
  const change = yield* loadRun(timer.run_id);
  const step = change.progress.steps[Number(timer.ref)];
  if (step?.state !== "delayed") return yield* outcomeOf(change);
  moveStep(change, step, "ready");
  return yield* saveRun(change, { now, actor: SYSTEM_ACTOR });
}

function* expireGate(
  timer: TimerRow,
  orgId: string,
  now: number,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const gate = yield* get<{ state: string }>(SELECT_GATE_STATE, timer.ref);
  if (gate?.state !== "pending") return undefined;
  return yield* resolveGate({ gateId: timer.ref, orgId, move: "expire", now, actor: SYSTEM_ACTOR });
}
