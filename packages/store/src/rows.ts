import type { Command, FailureReason, GateState, AttemptState, RunState, Step, StepState } from "@signalbox/protocol";

/** A step as its plan fixed it when the run was made: defaults filled in, needs named, configuration pinned. */
export interface PlannedStep extends Step {
  readonly needs: string[];
  readonly inputs: Exclude<Step["inputs"], undefined>;
  /** What the project configured for the tool at that time. */
  readonly command: Command | null;
  /** The project's entries that `envAllowed` names, at that time. */
  readonly environment: Record<string, string>;
  /** Places of the manual gates that it stands behind, directly or through others. */
  readonly gates: number[];
  /** The same for the same work in the same project. */
  readonly key: string;
}

export interface RunRow {
  id: string;
  org_id: string;
  project_id: string;
  name: string | null;
  goal: string;
  source: string;
  task_type: string | null;
  state: RunState;
  reason: FailureReason | null;
  message: string | null;
  cancel_requested_at: number | null;
  cancel_mode: "cancel" | "abort" | null;
  repo: string | null;
  from_run_id: string | null;
  reference_run_id: string | null;
  base_manifest: string | null;
  manifest: string | null;
  timeout_ms: number | null;
  steps_total: number;
  steps_done: number;
  last_seq: number;
  output_seq: number;
  created_by: string;
  traceparent: string | null;
  created_at: number;
  updated_at: number;
  started_at: number | null;
  ended_at: number | null;
}

export interface StepRow {
  run_id: string;
  idx: number;
  name: string;
  tool: string;
  step_key: string;
  /** A `PlannedStep` as JSON. */
  definition: string;
  state: StepState;
  reason: FailureReason | null;
  message: string | null;
  outputs: string | null;
  /** Attempts so far; those that failed at the work; those that infrastructure lost. */
  attempts: number;
  failures: number;
  losses: number;
  live_attempt: string | null;
  /** 1 for a step that was skipped because one that it needs did not succeed. */
  cut_off: number;
  started_at: number | null;
  ended_at: number | null;
}

export interface AttemptRow {
  id: string;
  org_id: string;
  run_id: string;
  step_idx: number;
  number: number;
  epoch: number;
  runner_id: string;
  state: AttemptState;
  reason: FailureReason | null;
  message: string | null;
  exit_code: number | null;
  sandbox: string | null;
  envelope_hash: string;
  envelope: string;
  result: string | null;
  lease_until: number;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
}

export interface GateRow {
  id: string;
  org_id: string;
  run_id: string;
  step_idx: number;
  state: GateState;
  content: string;
  content_hash: string;
  requested_at: number;
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
  note: string | null;
}

export interface EventRow {
  stream: string;
  seq: number;
  type: string;
  schema_version: number;
  at: number;
  actor: string;
  traceparent: string | null;
  causation: string | null;
  data: string;
}

export interface OutputSegmentRow {
  run_id: string;
  seq: number;
  step_idx: number;
  attempt_id: string;
  stream: string;
  start: number;
  length: number;
  gap: string | null;
  bytes: Uint8Array;
}

export interface ArtifactRow {
  id: string;
  org_id: string;
  run_id: string;
  step_idx: number;
  type: string;
  kind: string;
  path: string;
  bytes: number;
  sha256: string;
  created_at: number;
}

export interface RunnerRow {
  id: string;
  org_id: string;
  hostname: string;
  state: string;
  capabilities: string;
  labels: string;
  metadata: string;
  runtime_versions: string;
  load: string | null;
  public_key: string | null;
  last_heartbeat_at: number | null;
  registered_at: number;
  retired_at: number | null;
  last_seq: number;
}

export interface ProjectRow {
  org_id: string;
  id: string;
  name: string;
  task_type: string | null;
  repo: string | null;
  env: string;
  commands: string;
  created_at: number;
  updated_at: number;
}

export interface SecretRow {
  org_id: string;
  project_id: string;
  scope: string;
  name: string;
  version: number;
  sealed: Uint8Array;
  updated_at: number;
}

export interface TokenRow {
  id: string;
  org_id: string;
  name: string;
  scopes: string;
  hash: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface TimerRow {
  id: string;
  kind: TimerKind;
  due_at: number;
  run_id: string;
  /** What it is about, within the run: a step's index, a gate's id. */
  ref: string;
}
export type TimerKind = "step.delay" | "gate.expire" | "run.timeout";
