import {
  FAILURE_REASONS,
  isFinal,
  kindOfPath,
  parseActor,
  STEP_TRANSITIONS,
  toTimestamp,
  type Artifact,
  type Attempt,
  type Gate,
  type GateContent,
  type MachineSummary,
  type Run,
  type RunDetails,
  type StepDetails,
  type TaskType,
} from "@signalbox/protocol";
import {
  attemptIdOf,
  stepIdOf,
  type ArtifactRow,
  type AttemptProgress,
  type GateRow,
  type PlannedStep,
  type ReadRunRow,
  type RunHeader,
  type RunLedger,
  type RunProgress,
  type RunRow,
  type RunRows,
} from "@signalbox/store";

/** A stored run whose documents have been read. */
export interface ReadableRun extends Omit<RunRow, "header" | "progress"> {
  readonly header: RunHeader;
  readonly progress: RunProgress;
  /** What its agents may use and have used; null until the first begins. */
  readonly ledger: RunLedger | null;
}

/** Reads the documents of a stored run; they were written from values of these types. */
export function readableRun(row: ReadRunRow): ReadableRun {
  return {
    ...row,
    header: JSON.parse(row.header) as RunHeader,
    progress: JSON.parse(row.progress) as RunProgress,
    ledger: row.ledger === null ? null : (JSON.parse(row.ledger) as RunLedger),
  };
}

/** A stored run as callers see it. */
export function toRun(row: ReadRunRow): Run {
  return viewRun(readableRun(row));
}

/** A run whose documents have been read, as callers see it. */
export function viewRun({ id, org_id, project_id, state, last_seq, header, progress, ledger }: ReadableRun): Run {
  const done = progress.steps.filter((step) => isFinal(STEP_TRANSITIONS, step.state)).length;
  return defined({
    id,
    orgId: org_id,
    projectId: project_id,
    name: header.name ?? undefined,
    goal: header.goal,
    source: header.source as Run["source"],
    taskType: (header.taskType as TaskType | null) ?? undefined,
    status: state,
    progress: progress.endedAt === null ? Math.floor((done / progress.steps.length) * 100) : 100,
    reason: progress.reason ?? undefined,
    message: progress.message ?? undefined,
    cancelRequestedAt: instant(progress.cancelRequestedAt),
    repo: progress.repo ?? undefined,
    fromRunId: header.fromRunId ?? undefined,
    referenceRunId: header.referenceRunId ?? undefined,
    usage: ledger?.used,
    budget: ledger?.budget ?? header.budget ?? undefined,
    lastSeq: last_seq,
    createdAt: toTimestamp(header.createdAt),
    updatedAt: toTimestamp(progress.updatedAt),
    startedAt: instant(progress.startedAt),
    endedAt: instant(progress.endedAt),
  });
}

/** A stored run with all that belongs to it. */
export function toRunDetails(rows: RunRows): RunDetails {
  const run = readableRun(rows.run);
  const artifacts = rows.artifacts.map((row) => toArtifact(row, rows.plan[row.step_idx]?.name ?? ""));
  return {
    run: viewRun(run),
    steps: rows.plan.map((planned, index) => viewStep(run, planned, index)),
    gates: rows.gates.map(toGate),
    artifacts,
    summary: run.progress.endedAt === null ? null : summarize(run, artifacts),
  };
}

function viewStep(run: ReadableRun, planned: PlannedStep, index: number): StepDetails {
  const step = run.progress.steps[index];
  if (!step) throw new Error(`run ${run.id} has no progress of step ${planned.name}`);
  return defined({
    id: stepIdOf(run.id, index),
    runId: run.id,
    index,
    name: planned.name,
    tool: planned.tool,
    key: planned.key,
    needs: planned.needs,
    inputs: planned.inputs,
    status: step.state,
    reason: step.reason ?? undefined,
    message: step.message ?? undefined,
    outputs: step.outputs ?? undefined,
    sessionId: step.sessionId,
    attempts: step.attempts.map((attempt) => viewAttempt(run.id, index, attempt)),
    startedAt: instant(step.startedAt),
    endedAt: instant(step.endedAt),
  });
}

function viewAttempt(runId: string, stepIndex: number, attempt: AttemptProgress): Attempt {
  return defined({
    id: attemptIdOf(runId, stepIndex, attempt.number),
    number: attempt.number,
    epoch: attempt.number,
    runnerId: attempt.runnerId,
    status: attempt.state,
    reason: attempt.reason ?? undefined,
    message: attempt.message ?? undefined,
    exitCode: attempt.exitCode ?? undefined,
    sandbox: attempt.sandbox ?? undefined,
    envelopeHash: attempt.envelopeHash,
    startedAt: instant(attempt.startedAt),
    endedAt: instant(attempt.endedAt),
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
function summarize({ state, header, progress }: ReadableRun, artifacts: readonly Artifact[]): MachineSummary {
  const primary = artifacts.find((artifact) => kindOfPath(artifact.path) === "markdown") ?? artifacts[0];
  const succeeded = state === "succeeded";
  return {
    goal: header.goal,
    primaryArtifact: primary?.path ?? null,
    secondaryArtifacts: artifacts.filter((artifact) => artifact !== primary).map((artifact) => artifact.path),
    executionAttempted: progress.steps.some((step) => step.attempts.some((attempt) => attempt.startedAt !== null)),
    executionSucceeded: succeeded,
    reasonForFailure: succeeded ? null : (progress.reason ?? "runtime_error"),
    notes: progress.message ?? (progress.reason ? FAILURE_REASONS[progress.reason].meaning : null),
  };
}

function instant(ms: number | null): string | undefined {
  return ms === null ? undefined : toTimestamp(ms);
}

type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** The same object without the keys whose value is undefined. */
function defined<T extends object>(value: T): Defined<T> {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key];
  return value as Defined<T>;
}
