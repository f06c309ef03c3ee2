import { SYSTEM_ACTOR } from "@signalbox/protocol";

import type { Statement } from "../../unit.ts";
import { advanceRun, startRun } from "./advance-run.ts";
import { loadHeldAttempt, moveAttempt, saveEnd, stepOf, type HeldAttempt } from "./attempt-change.ts";
import { endedOtherwise, failStep } from "./finish-attempt.ts";
import { loadRun, moveStep, outcomeOf, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface LoseAttemptArgs extends HeldAttempt {
  readonly reason: "runner_lost" | "interrupted";
  readonly message: string;
  readonly now: number;
}

/**
 * Ends an attempt whose lease ran out without a word, or whose runner says that the work stopped. From here on its
 * epoch is stale. An attempt that has ended meanwhile is left as it is.
 */
export function* loseAttempt(args: LoseAttemptArgs): Generator<Statement, RunOutcome, unknown> {
  const attempt = yield* loadHeldAttempt(args);
  const change = yield* loadRun(attempt.run_id);
  if (attempt.ended_at !== null) return outcomeOf(change);

  const step = stepOf(change, attempt);
  moveAttempt(attempt, args.reason === "interrupted" ? "interrupt" : "lose");
  attempt.reason = args.reason;
  attempt.message = args.message;
  attempt.ended_at = args.now;
  yield* saveEnd(attempt);
  step.live_attempt = null;
  change.changed.add(step);
  if (change.run.cancel_requested_at === null) {
    failStep(change, step, attempt, { reason: args.reason, message: args.message }, args.now);
  } else {
    startRun(change, args.now);
    moveStep(change, step, "cancel");
    step.reason = "cancelled";
    step.ended_at = args.now;
    record(change, "step.finished", { name: step.name, status: "cancelled", attemptId: attempt.id, ...endedOtherwise(attempt, "cancelled"), reason: "cancelled", message: args.message });
  }
  yield* advanceRun(change, args.now);
  return yield* saveRun(change, { orgId: change.run.org_id, now: args.now, actor: SYSTEM_ACTOR });
}
