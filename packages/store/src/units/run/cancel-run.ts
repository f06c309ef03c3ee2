import { isFinal, RUN_TRANSITIONS, type Actor, type FailureReason } from "@signalbox/protocol";

import { attemptIdOf, gateIdOf } from "../../derived-ids.ts";
import type { StepProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { once, type Idempotency } from "../idempotency.ts";
import { advanceRun } from "./advance-run.ts";
import { supersedeGate } from "./ask-gate.ts";
import {
  invalidState,
  isOver,
  loadRun,
  moveStep,
  outcomeOf,
  record,
  saveRun,
  type RunChange,
  type RunOutcome,
} from "./run-change.ts";

export interface CancelRunArgs {
  readonly runId: string;
  readonly orgId: string;
  readonly mode: "cancel" | "abort";
  readonly reason?: string | undefined;
  /** Why the run ends so: somebody wants it, or its time is over. */
  readonly because: Extract<FailureReason, "cancelled" | "timeout">;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

export interface CancelledRun extends RunOutcome {
  /** Attempts that must be stopped; the run is over when the last of them is. */
  readonly live: readonly string[];
}

/** Ends all that has not begun and marks the rest for stopping. Cancelling again is fine and may sharpen the mode. */
export function cancelRun(args: CancelRunArgs): Generator<Statement, CancelledRun, unknown> {
  return once(args, stopRun);
}

function* stopRun(args: CancelRunArgs): Generator<Statement, CancelledRun, unknown> {
  const change = yield* loadRun(args.runId, args.orgId);
  const { progress } = change;
  if (isFinal(RUN_TRANSITIONS, change.state)) throw invalidState(`run ${change.id}`, change.state, "cancel");
  const live = progress.steps.flatMap((step, index) =>
    step.live === null ? [] : [attemptIdOf(change.id, index, step.live)],
  );
  if (progress.cancelMode === args.mode || progress.cancelMode === "abort")
    return { ...(yield* outcomeOf(change)), live };

  progress.cancelRequestedAt ??= args.now;
  progress.cancelMode = args.mode;
  progress.reason ??= args.because;
  progress.message ??= args.reason ?? null;
  record(change, "run.cancel_requested", {
    mode: args.mode,
    ...(args.reason === undefined ? {} : { reason: args.reason }),
  });
  for (const step of progress.steps) yield* stopStep(change, step, args.now);
  yield* advanceRun(change, args.now);
  const outcome = yield* saveRun(change, { now: args.now, actor: args.actor });
  return { ...outcome, live };
}

function* stopStep(change: RunChange, step: StepProgress, now: number): Generator<Statement, void, unknown> {
  if (isOver(step.state) || step.live !== null) return;
  if (step.state === "waiting") {
    const id = gateIdOf(change.id, change.progress.steps.indexOf(step));
    yield* supersedeGate(change, { id, step: step.name }, now);
  }
  moveStep(change, step, "cancel");
  step.reason = "cancelled";
  step.endedAt = now;
  record(change, "step.finished", { name: step.name, status: "cancelled", reason: "cancelled" });
}
