import { isAgentTool, SYSTEM_ACTOR, type ProviderId } from "@signalbox/protocol";

import { attemptIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { StepProgress } from "../../rows.ts";
import { get, type Statement } from "../../unit.ts";
import { waitForRun } from "../session/budgets.ts";
import { leaseSession } from "../session/open-sessions.ts";
import { loadSession, saveSession, type SessionOutcome } from "../session/session-change.ts";
import { advanceRun } from "./advance-run.ts";
import { isHeldByGates, type NamedApproval } from "./gate-again.ts";
import { noteExhausted, reserveBudget } from "./run-budget.ts";
import {
  loadRun,
  noteReadiness,
  outcomeOf,
  plannedStep,
  record,
  saveRun,
  type RunChange,
  type RunOutcome,
} from "./run-change.ts";
import type { RunLedger } from "./run-ledger.ts";

export interface LeaseAttemptArgs {
  readonly runId: string;
  readonly stepIndex: number;
  readonly number: number;
  readonly runnerId: string;
  readonly envelopeHash: string;
  /** The manifest that the envelope was made with: the lease is refused when the run has moved on since. */
  readonly manifest: string | null;
  /** The gates that the envelope names, each with the hash that must have been approved. */
  readonly approvals: readonly NamedApproval[];
  /** Whose agent works on it, where the tool does not name it: its session is opened with the first lease. */
  readonly provider?: ProviderId | undefined;
  readonly now: number;
}

export interface LeasedAttempt extends RunOutcome {
  readonly attemptId: string;
  readonly epoch: number;
}

/** The step waits: for its gates to be answered again, or because nothing is left of its run's budget. */
export interface HeldBackStep extends RunOutcome {
  readonly attemptId: null;
}

const SELECT_ASSIGNABLE = "SELECT 1 FROM runners WHERE id = ? AND org_id = ? AND state IN ('online', 'offline')";

/**
 * Gives a ready step to a runner: a new attempt whose epoch is its number, above that of every attempt before it.
 * Refused when the step is no longer ready, when the runner is draining, and when what was approved is not this.
 */
export function* leaseAttempt(args: LeaseAttemptArgs): Generator<Statement, LeasedAttempt | HeldBackStep, unknown> {
  const change = yield* loadRun(args.runId);
  const step = change.progress.steps[args.stepIndex];
  if (!step || step.state !== "ready" || step.live !== null || step.attempts.length + 1 !== args.number) {
    throw new UnitRefusal("INVALID_STATE", `step ${args.stepIndex} of run ${args.runId} does not wait for a runner`);
  }
  if (change.progress.manifest !== args.manifest) {
    throw new UnitRefusal("CONTENT_CHANGED", `the workspace of run ${args.runId} has changed`, { runId: args.runId });
  }
  yield* requireAssignable(args.runnerId, change.orgId);
  if (yield* isHeldByGates(change, step, args.approvals, args.now)) return yield* waitForGates(change, args.now);
  const usedUp = isAgentTool(step.tool)
    ? yield* reserveBudget(change, step, yield* plannedStep(change, step))
    : undefined;
  if (usedUp) return yield* holdBack(change, step, usedUp, args);

  const attemptId = attemptIdOf(args.runId, args.stepIndex, args.number);
  const epoch = args.number;
  step.live = args.number;
  noteReadiness(change, step);
  step.attempts.push({
    number: args.number,
    runnerId: args.runnerId,
    envelopeHash: args.envelopeHash,
    baseManifest: args.manifest,
    leasedAt: args.now,
    state: "leased",
    reason: null,
    message: null,
    exitCode: null,
    sandbox: null,
    startedAt: null,
    endedAt: null,
  });
  record(change, "attempt.leased", {
    name: step.name,
    attemptId,
    epoch,
    runnerId: args.runnerId,
    number: args.number,
    envelopeHash: args.envelopeHash,
  });
  const opened = yield* openSession(change, step, args);
  const outcome = yield* saveRun(change, { now: args.now, actor: SYSTEM_ACTOR });
  return { ...outcome, sessions: [...opened, ...outcome.sessions], attemptId, epoch };
}

function* openSession(
  change: RunChange,
  step: StepProgress,
  { now, provider }: LeaseAttemptArgs,
): Generator<Statement, SessionOutcome[], unknown> {
  if (provider === undefined) return [];
  return yield* leaseSession(change, step, yield* plannedStep(change, step), { provider, now, actor: SYSTEM_ACTOR });
}

/** Its session asks for more, once; the step is ready again when there is. */
function* holdBack(
  change: RunChange,
  step: StepProgress,
  ledger: RunLedger,
  args: LeaseAttemptArgs,
): Generator<Statement, HeldBackStep, unknown> {
  if (ledger.waiting.includes(args.stepIndex)) return { ...(yield* outcomeOf(change)), attemptId: null };
  const origin = { now: args.now, actor: SYSTEM_ACTOR };
  const opened = yield* openSession(change, step, args);
  if (step.sessionId === undefined) throw new Error(`step ${step.name} of run ${change.id} has no session`);
  const session = yield* loadSession(step.sessionId);
  yield* waitForRun(session, ledger, origin);
  const asked = yield* saveSession(session, origin);
  noteExhausted(change, step, ledger);
  const outcome = yield* saveRun(change, origin);
  return { ...outcome, sessions: [...opened, asked, ...outcome.sessions], attemptId: null };
}

function* requireAssignable(runnerId: string, orgId: string): Generator<Statement, void, unknown> {
  const runner = yield* get(SELECT_ASSIGNABLE, runnerId, orgId);
  if (!runner) throw new UnitRefusal("RUNNER_NOT_FOUND", `runner ${runnerId} takes no work`, { runnerId });
}

/** A yes did not count any more. It is asked for again, or was refused. */
function* waitForGates(change: RunChange, now: number): Generator<Statement, HeldBackStep, unknown> {
  yield* advanceRun(change, now);
  return { ...(yield* saveRun(change, { now, actor: SYSTEM_ACTOR })), attemptId: null };
}
