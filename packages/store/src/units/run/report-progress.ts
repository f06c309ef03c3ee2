import type { Statement } from "../../unit.ts";
import { loadHeldAttempt, stepOf, type HeldAttempt } from "./attempt-change.ts";
import { loadRun, outcomeOf, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface ReportProgressArgs extends HeldAttempt {
  readonly percent?: number | undefined;
  readonly message?: string | undefined;
  readonly now: number;
}

/** Appends how far a step says it has come. What comes after its end is dropped. */
export function* reportProgress(args: ReportProgressArgs): Generator<Statement, RunOutcome, unknown> {
  const attempt = yield* loadHeldAttempt(args);
  const change = yield* loadRun(attempt.run_id);
  if (attempt.ended_at !== null) return outcomeOf(change);

  record(change, "step.progress", {
    name: stepOf(change, attempt).name,
    ...(args.percent === undefined ? {} : { percent: args.percent }),
    ...(args.message === undefined ? {} : { message: args.message }),
  });
  return yield* saveRun(change, { orgId: change.run.org_id, now: args.now, actor: { kind: "runner", id: attempt.runner_id } });
}
