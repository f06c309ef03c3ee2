import { SYSTEM_ACTOR } from "@signalbox/protocol";

import type { Statement } from "../../unit.ts";
import { isStopped } from "../session/stop-meaning.ts";
import { advanceRun, startRun } from "./advance-run.ts";
import { hasEnded, loadHeldAttempt, moveAttempt, type HeldAttempt } from "./attempt-change.ts";
import { moveStep, noteReadiness, outcomeOf, saveRun, type RunOutcome } from "./run-change.ts";
import { closeStep, failStep } from "./settle-step.ts";

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
  const held = yield* loadHeldAttempt(args);
  const { change, step, attempt } = held;
  if (hasEnded(attempt)) return yield* outcomeOf(change);

  moveAttempt(held, args.reason === "interrupted" ? "interrupt" : "lose");
  attempt.reason = args.reason;
  attempt.message = args.message;
  attempt.endedAt = args.now;
  step.live = null;
  startRun(change, args.now);
  const isToEnd = change.progress.cancelRequestedAt !== null || (yield* isStopped(step));
  if (!isToEnd) {
    yield* failStep(held, { reason: args.reason, message: args.message }, args.now);
  } else {
    moveStep(change, step, "cancel");
    step.reason = "cancelled";
    closeStep(held, { reason: "cancelled", message: args.message }, args.now);
  }
  noteReadiness(change, step);
  yield* advanceRun(change, args.now);
  return yield* saveRun(change, { now: args.now, actor: SYSTEM_ACTOR });
}
