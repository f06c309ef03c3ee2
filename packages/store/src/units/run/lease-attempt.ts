import { SYSTEM_ACTOR } from "@signalbox/protocol";

import { attemptIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import { get, run, type Statement } from "../../unit.ts";
import { loadRun, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface LeaseAttemptArgs {
  readonly runId: string;
  readonly stepIndex: number;
  readonly number: number;
  readonly runnerId: string;
  readonly envelope: string;
  readonly envelopeHash: string;
  /** The manifest that the envelope was made with: the lease is refused when the run has moved on since. */
  readonly manifest: string | null;
  /** The gates that the envelope names, each with the hash that must have been approved. */
  readonly approvals: readonly { readonly gateId: string; readonly contentHash: string }[];
  readonly leaseUntil: number;
  readonly now: number;
}

export interface LeasedAttempt extends RunOutcome {
  readonly attemptId: string;
  readonly epoch: number;
}

const INSERT_ATTEMPT = `INSERT INTO attempts (id, org_id, run_id, step_idx, number, epoch, runner_id, state,
  envelope_hash, envelope, lease_until, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'leased', ?, ?, ?, ?)`;
const SELECT_ASSIGNABLE = "SELECT id FROM runners WHERE id = ? AND org_id = ? AND state IN ('online', 'offline')";
const SELECT_APPROVED = "SELECT 1 FROM gates WHERE id = ? AND content_hash = ? AND state = 'approved'";

/**
 * Gives a ready step to a runner: a new attempt whose epoch is its number, above that of every attempt before it.
 * Refused when the step is no longer ready, when the runner is draining, and when what was approved is not this.
 */
export function* leaseAttempt(args: LeaseAttemptArgs): Generator<Statement, LeasedAttempt, unknown> {
  const change = yield* loadRun(args.runId);
  const step = change.steps[args.stepIndex];
  if (!step || step.state !== "ready" || step.live_attempt !== null || step.attempts + 1 !== args.number) {
    throw new UnitRefusal("INVALID_STATE", `step ${args.stepIndex} of run ${args.runId} does not wait for a runner`);
  }
  if (change.run.manifest !== args.manifest) {
    throw new UnitRefusal("CONTENT_CHANGED", `the workspace of run ${args.runId} has changed`, { runId: args.runId });
  }
  yield* requireAssignable(args.runnerId, change.run.org_id);
  for (const approval of args.approvals) yield* requireApproved(approval);

  const attemptId = attemptIdOf(args.runId, args.stepIndex, args.number);
  const epoch = args.number;
  step.attempts = args.number;
  step.live_attempt = attemptId;
  change.changed.add(step);
  yield* run(
    INSERT_ATTEMPT, attemptId, change.run.org_id, args.runId, args.stepIndex, args.number, epoch, args.runnerId,
    args.envelopeHash, args.envelope, args.leaseUntil, args.now,
  );
  record(change, "attempt.leased", {
    name: step.name, attemptId, epoch, runnerId: args.runnerId, number: args.number, envelopeHash: args.envelopeHash,
  });
  const outcome = yield* saveRun(change, { orgId: change.run.org_id, now: args.now, actor: SYSTEM_ACTOR });
  return { ...outcome, attemptId, epoch };
}

function* requireAssignable(runnerId: string, orgId: string): Generator<Statement, void, unknown> {
  const runner = yield* get(SELECT_ASSIGNABLE, runnerId, orgId);
  if (!runner) throw new UnitRefusal("RUNNER_NOT_FOUND", `runner ${runnerId} takes no work`, { runnerId });
}

function* requireApproved(approval: { gateId: string; contentHash: string }): Generator<Statement, void, unknown> {
  const approved = yield* get(SELECT_APPROVED, approval.gateId, approval.contentHash);
  if (!approved) {
    throw new UnitRefusal("CONTENT_CHANGED", `gate ${approval.gateId} did not approve this content`, { gateId: approval.gateId });
  }
}
