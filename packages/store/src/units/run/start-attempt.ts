import type { SandboxReport } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { startRun } from "./advance-run.ts";
import { loadHeldAttempt, moveAttempt, saveStart, stepOf, type HeldAttempt } from "./attempt-change.ts";
import { loadRun, moveStep, outcomeOf, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface StartAttemptArgs extends HeldAttempt {
  readonly runnerId: string;
  /** What the runner computed itself; another hash than the lease's is refused as `CONTENT_CHANGED`. */
  readonly envelopeHash: string;
  readonly sandbox: SandboxReport;
  readonly now: number;
}

/** Records that a runner has begun. Saying it twice is fine. */
export function* startAttempt(args: StartAttemptArgs): Generator<Statement, RunOutcome, unknown> {
  const attempt = yield* loadHeldAttempt(args);
  const change = yield* loadRun(attempt.run_id);
  if (attempt.state === "running") return outcomeOf(change);
  if (attempt.envelope_hash !== args.envelopeHash) {
    throw new UnitRefusal("CONTENT_CHANGED", `attempt ${attempt.id} was leased for another envelope`, { attemptId: attempt.id });
  }
  const step = stepOf(change, attempt);
  moveAttempt(attempt, "start");
  attempt.started_at = args.now;
  attempt.sandbox = JSON.stringify(args.sandbox);
  yield* saveStart(attempt);

  startRun(change, args.now);
  moveStep(change, step, "start");
  step.started_at = step.started_at ?? args.now;
  record(change, "step.started", {
    name: step.name, attemptId: attempt.id, epoch: attempt.epoch, runnerId: attempt.runner_id, number: attempt.number, sandbox: args.sandbox,
  });
  return yield* saveRun(change, { orgId: change.run.org_id, now: args.now, actor: { kind: "runner", id: attempt.runner_id } });
}
