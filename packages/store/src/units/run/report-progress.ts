import type { Statement } from "../../unit.ts";
import { hasEnded, loadHeldAttempt, type HeldAttempt } from "./attempt-change.ts";
import { outcomeOf, record, saveRun, type RunOutcome } from "./run-change.ts";

export interface ReportProgressArgs extends HeldAttempt {
  readonly percent?: number | undefined;
  readonly message?: string | undefined;
  readonly now: number;
}

/** Appends how far a step says it has come. What comes after its end is dropped. */
export function* reportProgress(args: ReportProgressArgs): Generator<Statement, RunOutcome, unknown> {
  const { change, step, attempt } = yield* loadHeldAttempt(args);
  if (hasEnded(attempt)) return yield* outcomeOf(change);

  record(change, "step.progress", {
    name: step.name,
    ...(args.percent === undefined ? {} : { percent: args.percent }),
    ...(args.message === undefined ? {} : { message: args.message }),
  });
  return yield* saveRun(change, { now: args.now, actor: { kind: "runner", id: attempt.runnerId } });
}
