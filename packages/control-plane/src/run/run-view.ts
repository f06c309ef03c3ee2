import {
  FAILURE_REASONS,
  kindOfPath,
  toTimestamp,
  type Artifact,
  type Attempt,
  type Gate,
  type GateContent,
  type MachineSummary,
  type Repository,
  type Run,
  type RunDetails,
  type StepDetails,
  type TaskType,
} from "@signalbox/protocol";
import { stepIdOf, type ArtifactRow, type AttemptRow, type GateRow, type PlannedStep, type RunRow, type RunRows, type StepRow } from "@signalbox/store";

import { parseActor } from "../events/event-view.ts";

/** A stored run as callers see it. */
export function toRun(row: RunRow): Run {
  const isOver = row.ended_at !== null;
  return defined({
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    name: row.name ?? undefined,
    goal: row.goal,
    source: row.source as Run["source"],
    taskType: (row.task_type as TaskType | null) ?? undefined,
    status: row.state,
    progress: isOver ? 100 : Math.floor((row.steps_done / row.steps_total) * 100),
    reason: row.reason ?? undefined,
    message: row.message ?? undefined,
    cancelRequestedAt: instant(row.cancel_requested_at),
    repo: parseJson<Repository>(row.repo),
    fromRunId: row.from_run_id ?? undefined,
    referenceRunId: row.reference_run_id ?? undefined,
    lastSeq: row.last_seq,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
    startedAt: instant(row.started_at),
    endedAt: instant(row.ended_at),
  });
}

/** A stored run with all that belongs to it. */
export function toRunDetails(rows: RunRows): RunDetails {
  const stepNames = rows.steps.map((step) => step.name);
  const artifacts = rows.artifacts.map((row) => toArtifact(row, stepNames[row.step_idx] ?? ""));
  return {
    run: toRun(rows.run),
    steps: rows.steps.map((step) => toStepDetails(step, rows.attempts)),
    gates: rows.gates.map(toGate),
    artifacts,
    summary: rows.run.ended_at === null ? null : summarize(rows, artifacts),
  };
}

/** A stored step with its attempts. */
export function toStepDetails(row: StepRow, attempts: readonly AttemptRow[]): StepDetails {
  const definition = JSON.parse(row.definition) as PlannedStep;
  const own = attempts.filter((attempt) => attempt.step_idx === row.idx).toSorted((a, b) => a.number - b.number);
  return defined({
    id: stepIdOf(row.run_id, row.idx),
    runId: row.run_id,
    index: row.idx,
    name: row.name,
    tool: row.tool,
    key: row.step_key,
    needs: definition.needs,
    inputs: definition.inputs,
    status: row.state,
    reason: row.reason ?? undefined,
    message: row.message ?? undefined,
    outputs: parseJson<Record<string, unknown>>(row.outputs),
    attempts: own.map(toAttempt),
    startedAt: instant(row.started_at),
    endedAt: instant(row.ended_at),
  });
}

function toAttempt(row: AttemptRow): Attempt {
  return defined({
    id: row.id,
    number: row.number,
    epoch: row.epoch,
    runnerId: row.runner_id,
    status: row.state,
    reason: row.reason ?? undefined,
    message: row.message ?? undefined,
    exitCode: row.exit_code ?? undefined,
    sandbox: parseJson<Exclude<Attempt["sandbox"], undefined>>(row.sandbox),
    envelopeHash: row.envelope_hash,
    startedAt: instant(row.started_at),
    endedAt: instant(row.ended_at),
  });
}

/** A stored gate as callers see it. */
export function toGate(row: GateRow): Gate {
  const content = JSON.parse(row.content) as GateContent;
  return defined({
    id: row.id,
    runId: row.run_id,
    step: content.step,
    status: row.state,
    content,
    contentHash: row.content_hash,
    requestedAt: toTimestamp(row.requested_at),
    expiresAt: toTimestamp(row.expires_at),
    decidedAt: instant(row.decided_at),
    decidedBy: row.decided_by === null ? undefined : parseActor(row.decided_by),
    note: row.note ?? undefined,
  });
}

/** A stored artifact as callers see it. */
export function toArtifact(row: ArtifactRow, step: string): Artifact {
  return {
    id: row.id,
    runId: row.run_id,
    step,
    type: row.type,
    kind: row.kind,
    path: row.path,
    bytes: row.bytes,
    sha256: row.sha256,
    createdAt: toTimestamp(row.created_at),
  };
}

/** What a program needs to know of a run that is over. The first document is the primary artifact, else the first file. */
function summarize(rows: RunRows, artifacts: readonly Artifact[]): MachineSummary {
  const primary = artifacts.find((artifact) => kindOfPath(artifact.path) === "markdown") ?? artifacts[0];
  const succeeded = rows.run.state === "succeeded";
  return {
    goal: rows.run.goal,
    primaryArtifact: primary?.path ?? null,
    secondaryArtifacts: artifacts.filter((artifact) => artifact !== primary).map((artifact) => artifact.path),
    executionAttempted: rows.attempts.some((attempt) => attempt.started_at !== null),
    executionSucceeded: succeeded,
    reasonForFailure: succeeded ? null : (rows.run.reason ?? "runtime_error"),
    notes: rows.run.message ?? (rows.run.reason ? FAILURE_REASONS[rows.run.reason].meaning : null),
  };
}

function instant(ms: number | null): string | undefined {
  return ms === null ? undefined : toTimestamp(ms);
}

function parseJson<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T);
}

type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** The same object without the keys whose value is undefined. */
function defined<T extends object>(value: T): Defined<T> {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key];
  return value as Defined<T>;
}
