import type { AttemptRow, RunnerRow, RunRow, StepRow, TimerRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import { readyStepOf, type ReadyStep } from "../units/run/run-change.ts";

/** What a control plane needs to go on where the one before it stopped. */
export interface Unfinished {
  readonly runs: readonly Pick<RunRow, "id" | "org_id" | "last_seq">[];
  readonly ready: readonly ReadyStep[];
  readonly live: readonly (AttemptRow & Pick<StepRow, "definition">)[];
  /** The earliest, if there is any. */
  readonly timers: readonly TimerRow[];
  readonly runners: readonly RunnerRow[];
}

/** Everything that is not over. */
export function* readUnfinished(): Generator<Statement, Unfinished, unknown> {
  const runs = yield* all<RunRow>("SELECT * FROM runs WHERE state IN ('queued', 'running') ORDER BY id");
  const waiting = yield* all<StepRow>(
    `SELECT s.* FROM runs r JOIN steps s ON s.run_id = r.id
      WHERE r.state IN ('queued', 'running') AND s.state = 'ready' AND s.live_attempt IS NULL ORDER BY s.run_id, s.idx`,
  );
  const byId = new Map(runs.map((run) => [run.id, run]));
  return {
    runs: runs.map(({ id, org_id, last_seq }) => ({ id, org_id, last_seq })),
    ready: waiting.flatMap((step) => {
      const run = byId.get(step.run_id);
      return run ? [readyStepOf(run, step)] : [];
    }),
    live: yield* all<AttemptRow & Pick<StepRow, "definition">>(
      `SELECT a.*, s.definition FROM runs r JOIN steps s ON s.run_id = r.id JOIN attempts a ON a.id = s.live_attempt
        WHERE r.state IN ('queued', 'running') ORDER BY a.id`,
    ),
    timers: yield* all<TimerRow>("SELECT * FROM timers ORDER BY due_at LIMIT 1"),
    runners: yield* all<RunnerRow>("SELECT * FROM runners WHERE state <> 'retired' ORDER BY id"),
  };
}
