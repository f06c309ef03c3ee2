import { isFinal, RUN_TRANSITIONS, type Actor, type FailureReason } from "@signalbox/protocol";

import { gateIdOf } from "../../derived-ids.ts";
import type { StepRow } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { once, type Idempotency } from "../idempotency.ts";
import { advanceRun } from "./advance-run.ts";
import { invalidState, isOver, loadRun, moveStep, outcomeOf, record, saveRun, type RunChange, type RunOutcome } from "./run-change.ts";

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
  const { run: row } = change;
  if (isFinal(RUN_TRANSITIONS, row.state)) throw invalidState(`run ${row.id}`, row.state, "cancel");
  const live = change.steps.flatMap((step) => step.live_attempt ?? []);
  if (row.cancel_requested_at !== null && (row.cancel_mode === args.mode || args.mode === "cancel")) {
    return { ...outcomeOf(change), live };
  }
  change.isRunChanged = true;
  row.cancel_requested_at ??= args.now;
  row.cancel_mode = args.mode;
  row.reason ??= args.because;
  row.message ??= args.reason ?? null;
  record(change, "run.cancel_requested", { mode: args.mode, ...(args.reason === undefined ? {} : { reason: args.reason }) });
  for (const step of change.steps) yield* stopStep(change, step, args.now);
  yield* advanceRun(change, args.now);
  const outcome = yield* saveRun(change, { orgId: row.org_id, now: args.now, actor: args.actor });
  return { ...outcome, live };
}

const SUPERSEDE_GATE = "UPDATE gates SET state = 'superseded', decided_at = ? WHERE id = ? AND state = 'pending'";

function* stopStep(change: RunChange, step: StepRow, now: number): Generator<Statement, void, unknown> {
  if (isOver(step.state) || step.live_attempt !== null) return;
  if (step.state === "waiting") {
    const gateId = gateIdOf(change.run.id, step.idx);
    yield* run(SUPERSEDE_GATE, now, gateId);
    record(change, "gate.superseded", { name: step.name, gateId });
  }
  moveStep(change, step, "cancel");
  step.reason = "cancelled";
  step.ended_at = now;
  record(change, "step.finished", { name: step.name, status: "cancelled", reason: "cancelled" });
}
