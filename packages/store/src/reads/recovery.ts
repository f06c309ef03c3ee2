import { attemptIdOf } from "../derived-ids.ts";
import type { PlannedStep, RunnerRow, RunProgress, RunRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";
import { readyStepOf, type ReadyStep } from "../units/run/run-change.ts";

/** An attempt that a runner held when the control plane stopped. */
export interface HeldByRunner {
  readonly attemptId: string;
  readonly epoch: number;
  readonly runnerId: string;
  readonly cancelMode: "cancel" | "abort" | null;
  /** Its step, as it would wait if it were not held. */
  readonly step: ReadyStep;
}

/** What a control plane needs to go on where the one before it stopped. */
export interface Unfinished {
  readonly runs: readonly Pick<RunRow, "id" | "org_id">[];
  readonly ready: readonly ReadyStep[];
  readonly live: readonly HeldByRunner[];
  /** When the first timer is due, if there is any. */
  readonly nextTimerAt: number | undefined;
  readonly runners: readonly RunnerRow[];
}

/** Everything that is not over. */
export function* readUnfinished(): Generator<Statement, Unfinished, unknown> {
  const runs = yield* all<RunRow & { steps: string }>(
    "SELECT r.*, p.steps FROM runs r JOIN plans p ON p.run_id = r.id WHERE r.state IN ('queued', 'running') ORDER BY r.id",
  );
  const ready: ReadyStep[] = [];
  const live: HeldByRunner[] = [];
  for (const row of runs) collect(row, ready, live);
  const timer = yield* get<{ due_at: number }>("SELECT due_at FROM timers ORDER BY due_at LIMIT 1");
  return {
    runs: runs.map(({ id, org_id }) => ({ id, org_id })),
    ready,
    live,
    nextTimerAt: timer?.due_at,
    runners: yield* all<RunnerRow>("SELECT * FROM runners WHERE state <> 'retired' ORDER BY id"),
  };
}

/** A step as it waits for a runner now; undefined when it does not. */
export function* readReadyStep(runId: string, index: number): Generator<Statement, ReadyStep | undefined, unknown> {
  const row = yield* get<RunRow & { steps: string }>(
    "SELECT r.*, p.steps FROM runs r JOIN plans p ON p.run_id = r.id WHERE r.id = ?",
    runId,
  );
  if (!row) return undefined;
  const ready: ReadyStep[] = [];
  collect(row, ready, []);
  return ready.find((step) => step.index === index);
}

function collect(row: RunRow & { steps: string }, ready: ReadyStep[], live: HeldByRunner[]): void {
  const progress = JSON.parse(row.progress) as RunProgress;
  const plan = JSON.parse(row.steps) as PlannedStep[];
  for (const [index, step] of progress.steps.entries()) {
    const planned = plan[index];
    const held = step.live === null ? undefined : step.attempts[step.live - 1];
    if (!planned || (step.state !== "ready" && !held)) continue;
    const waiting = readyStepOf({ id: row.id, orgId: row.org_id, projectId: row.project_id, progress }, step, planned);
    if (!held) ready.push(waiting);
    else
      live.push({
        attemptId: attemptIdOf(row.id, index, held.number),
        epoch: held.number,
        runnerId: held.runnerId,
        cancelMode: progress.cancelMode,
        step: waiting,
      });
  }
}
