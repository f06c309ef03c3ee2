import type { SandboxReport } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { startRun } from "./advance-run.ts";
import { fenced, hasEnded, loadHeldAttempt, moveAttempt, type HeldAttempt } from "./attempt-change.ts";
import { moveStep, outcomeOf, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface StartAttemptArgs extends HeldAttempt {
  readonly runnerId: string;
  /** What the runner computed itself; another hash than the lease's is refused as `CONTENT_CHANGED`. */
  readonly envelopeHash: string;
  readonly sandbox: SandboxReport;
  readonly now: number;
}

/** Records that a runner has begun. Saying it twice is fine. */
export function* startAttempt(args: StartAttemptArgs): Generator<Statement, RunOutcome, unknown> {
  const held = yield* loadHeldAttempt(args);
  const { id, change, step, attempt } = held;
  if (attempt.envelopeHash !== args.envelopeHash) {
    throw new UnitRefusal("CONTENT_CHANGED", `attempt ${id} was leased for another envelope`, { attemptId: id });
  }
  if (attempt.state === "running") return yield* outcomeOf(change);
  if (hasEnded(attempt)) throw fenced(id, `it is ${attempt.state}`);

  moveAttempt(held, "start");
  attempt.startedAt = args.now;
  attempt.sandbox = args.sandbox;
  startRun(change, args.now);
  moveStep(change, step, "start");
  step.startedAt ??= args.now;
  record(change, "step.started", {
    name: step.name,
    attemptId: id,
    epoch: attempt.number,
    runnerId: attempt.runnerId,
    number: attempt.number,
    sandbox: args.sandbox,
  });
  return yield* saveRun(change, { now: args.now, actor: { kind: "runner", id: attempt.runnerId } });
}
