import { type Actor } from "@signalbox/protocol";

import type { PlannedStep, RunRow, StepRow } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { appendEvents } from "../events.ts";
import { once, type Idempotency } from "../idempotency.ts";
import { advanceRun } from "./advance-run.ts";
import { outcomeOf, record, saveTimers, setTimerRow, type RunChange, type RunOutcome } from "./run-change.ts";

export interface CreateRunArgs {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly name: string | null;
  readonly goal: string;
  readonly source: string;
  readonly taskType: string | null;
  readonly repo: string | null;
  readonly fromRunId: string | null;
  readonly referenceRunId: string | null;
  readonly manifest: string | null;
  readonly timeoutMs: number | null;
  /** In topological order. */
  readonly steps: readonly PlannedStep[];
  /** Whether the project must be made if it is not there; false when the caller knows that it is. */
  readonly makeProject: boolean;
  readonly now: number;
  readonly actor: Actor;
  readonly traceparent?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
}

const INSERT_RUN = `INSERT INTO runs (id, org_id, project_id, name, goal, source, task_type, state, repo, from_run_id,
  reference_run_id, base_manifest, manifest, timeout_ms, steps_total, steps_done, last_seq, output_seq, created_by,
  traceparent, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?, ?)`;
const INSERT_STEP = `INSERT INTO steps (run_id, idx, name, tool, step_key, definition, state, attempts, failures, losses,
  cut_off, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?)`;
const INSERT_PROJECT = `INSERT INTO projects (org_id, id, name, env, commands, created_at, updated_at)
  VALUES (?, ?, ?, '{}', '{}', ?, ?) ON CONFLICT (org_id, id) DO NOTHING`;

/** Makes a run with its steps, and lets begin what can begin. */
export function createRun(args: CreateRunArgs): Generator<Statement, RunOutcome, unknown> {
  return once(args, makeRun);
}

function* makeRun(args: CreateRunArgs): Generator<Statement, RunOutcome, unknown> {
  if (args.makeProject) yield* run(INSERT_PROJECT, args.orgId, args.projectId, args.projectId, args.now, args.now);
  const change: RunChange = { run: newRunRow(args), steps: args.steps.map((step, index) => newStepRow(args.id, index, step)), isRunChanged: false, changed: new Set(), events: [], timers: [] };
  record(change, "run.created", {
    goal: args.goal,
    projectId: args.projectId,
    source: args.source,
    steps: args.steps.map(({ name, tool, needs }) => ({ name, tool, needs })),
  });
  if (args.timeoutMs !== null) setTimerRow(change, "run.timeout", "", args.now + args.timeoutMs);

  yield* advanceRun(change, args.now);
  for (const step of change.steps) {
    yield* run(INSERT_STEP, step.run_id, step.idx, step.name, step.tool, step.step_key, step.definition, step.state, step.started_at);
  }
  yield* saveTimers(change);
  const { run: row } = change;
  row.last_seq = yield* appendEvents(row.id, 0, change.events, { orgId: args.orgId, now: args.now, actor: args.actor, traceparent: args.traceparent });
  yield* run(
    INSERT_RUN, row.id, row.org_id, row.project_id, row.name, row.goal, row.source, row.task_type, row.repo,
    row.from_run_id, row.reference_run_id, row.base_manifest, row.manifest, row.timeout_ms, row.steps_total, row.last_seq,
    row.created_by, row.traceparent, row.created_at, row.updated_at,
  );
  return outcomeOf(change);
}

function newRunRow(args: CreateRunArgs): RunRow {
  return {
    id: args.id,
    org_id: args.orgId,
    project_id: args.projectId,
    name: args.name,
    goal: args.goal,
    source: args.source,
    task_type: args.taskType,
    state: "queued",
    reason: null,
    message: null,
    cancel_requested_at: null,
    cancel_mode: null,
    repo: args.repo,
    from_run_id: args.fromRunId,
    reference_run_id: args.referenceRunId,
    base_manifest: args.manifest,
    manifest: args.manifest,
    timeout_ms: args.timeoutMs,
    steps_total: args.steps.length,
    steps_done: 0,
    last_seq: 0,
    output_seq: 0,
    created_by: `${args.actor.kind}:${args.actor.id}`,
    traceparent: args.traceparent ?? null,
    created_at: args.now,
    updated_at: args.now,
    started_at: null,
    ended_at: null,
  };
}

function newStepRow(runId: string, index: number, step: PlannedStep): StepRow {
  return {
    run_id: runId,
    idx: index,
    name: step.name,
    tool: step.tool,
    step_key: step.key,
    definition: JSON.stringify(step),
    state: "pending",
    reason: null,
    message: null,
    outputs: null,
    attempts: 0,
    failures: 0,
    losses: 0,
    live_attempt: null,
    cut_off: 0,
    started_at: null,
    ended_at: null,
  };
}
