import type {
  ApprovalKind,
  ApprovalState,
  AttemptState,
  Budget,
  Command,
  DeliveryError,
  DeliveryState,
  DiffStats,
  FailureReason,
  GateState,
  PluginOrigin,
  PluginState,
  ProviderId,
  Repository,
  RunState,
  SandboxReport,
  Session,
  SessionEndReason,
  SessionState,
  Snapshot,
  Step,
  StepState,
  Usage,
  WebhookOrigin,
  WebhookState,
} from "@signalbox/protocol";

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
  state: RunState;
  last_seq: number;
  /** A `RunHeader` as JSON. */
  header: string;
  /** A `RunProgress` as JSON. */
  progress: string;
}

/** What a run was made with. Never changes. */
export interface RunHeader {
  readonly name: string | null;
  readonly goal: string;
  readonly source: string;
  readonly taskType: string | null;
  readonly fromRunId: string | null;
  readonly referenceRunId: string | null;
  /** The manifest that its workspace began with. */
  readonly baseManifest: string | null;
  readonly timeoutMs: number | null;
  /** What its agents may use together; absent in a run of an older version. */
  readonly budget?: Budget | null;
  readonly createdBy: string;
  /** Who has a part in what it asks for beside its maker: of a publication, who made the session that is published. */
  readonly requesters?: readonly string[];
  readonly traceparent: string | null;
  readonly createdAt: number;
}

/** How far a run has come. */
export interface RunProgress {
  reason: FailureReason | null;
  message: string | null;
  cancelRequestedAt: number | null;
  cancelMode: "cancel" | "abort" | null;
  /** Its repository; from the first step on at the commit that this one found. */
  repo: Repository | null;
  /** The manifest that its workspace is at. */
  manifest: string | null;
  updatedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** Gates of steps that are over which were asked again and wait, by the step's place and the how-manieth time. */
  askedAgain?: readonly { readonly index: number; readonly number: number }[];
  /** In the order of the plan, which is a topological one. */
  steps: StepProgress[];
}

/** How far a step has come. What it is stands in the plan. */
export interface StepProgress {
  readonly name: string;
  readonly tool: string;
  readonly needs: readonly string[];
  state: StepState;
  reason: FailureReason | null;
  message: string | null;
  outputs: Record<string, unknown> | null;
  /** Attempts that failed at the work, and those that infrastructure lost. */
  failures: number;
  losses: number;
  /** The number of the attempt that a runner holds. */
  live: number | null;
  /** Whether it was skipped because one that it needs did not succeed. */
  cutOff: boolean;
  /** The session that it is the work of; absent for a step without an agent, and until the first lease where that names the agent. */
  sessionId?: string;
  startedAt: number | null;
  endedAt: number | null;
  attempts: AttemptProgress[];
}

/** One try at a step. Its number, counted from 1, is also its epoch. */
export interface AttemptProgress {
  readonly number: number;
  readonly runnerId: string;
  readonly envelopeHash: string;
  /** The manifest that its workspace began with. */
  readonly baseManifest: string | null;
  readonly leasedAt: number;
  state: AttemptState;
  reason: FailureReason | null;
  message: string | null;
  exitCode: number | null;
  sandbox: SandboxReport | null;
  startedAt: number | null;
  endedAt: number | null;
}

export interface LedgerRow {
  /** A `RunLedger` as JSON. */
  ledger: string;
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

export interface SessionRow {
  id: string;
  org_id: string;
  project_id: string;
  run_id: string;
  step_idx: number;
  provider: ProviderId;
  state: SessionState;
  last_seq: number;
  /** The `AgentInputs` of its step as JSON. */
  inputs: string;
  /** A `SessionProgress` as JSON. */
  progress: string;
  created_at: number;
  ended_at: number | null;
}

/** How far a session has come. */
export interface SessionProgress {
  /** What holds for it, fixed when it was opened; in milliseconds. */
  readonly terms: { readonly dataTtlMs: number; readonly approvalMs: number; readonly inactivityMs: number };
  /** Why it ended, or is about to. */
  reason: SessionEndReason | null;
  message: string | null;
  attemptId: string | null;
  epoch: number;
  runnerId: string | null;
  /** Whether the agent of the attempt can be spoken to. */
  isReady: boolean;
  nativeSessionId: string | null;
  resumed: Session["resumed"] | null;
  resumeFailure: string | null;
  model: string | null;
  hasTerminal: boolean;
  /** Whether the agent is at a turn, or about to be told the first words of its start. */
  isWorking: boolean;
  /** Whether a turn was cut off, by a pause or by the loss of its runner, and is to go on. */
  wasWorking: boolean;
  /** Whether somebody holds it; a session that lost its runner meanwhile is held again on the next one. */
  isPaused: boolean;
  /** How the last turn ended, while it is not decided what comes after it. */
  idle: { readonly status: "completed" | "cancelled" | "failed"; readonly error?: string } | null;
  turns: number;
  usage: Usage;
  /** Of it, what attempts before this one used; absent in a session of an older version. */
  usageBefore?: Usage;
  budget: Budget | null;
  /** Whether it was stopped because its budget, or its run's, is used up. */
  overBudget: boolean;
  /** Inputs that wait, in the order in which they will be given to the agent. */
  queue: QueuedInput[];
  /** Whether the agent has begun with its task. */
  isTaskHeard: boolean;
  /** What the runner has to say to the agent, or has said, without a sign of its being heard; oldest first. */
  unheard: UnheardWords[];
  /** How the workspace differs from its base, as far as is known, and when that was told. */
  diff: {
    readonly stats: DiffStats;
    readonly snapshot: Snapshot | null;
    readonly takenAt: number;
    readonly isFinal?: boolean;
  } | null;
  /** The runs that are to publish something of it, or did, oldest first; absent while there was none. */
  publications?: string[];
  /** How many inputs and approvals there ever were: what the next one is named after. */
  inputs: number;
  approvals: number;
  /** Approvals without an answer. */
  open: string[];
  /** Numbers of the last command, and of the last that a runner took. */
  commands: number;
  taken: number;
  /** The beginning of a line of the stream `session` whose end has not arrived. */
  partial: string;
  updatedAt: number;
  startedAt: number | null;
  /** When its runner said that no process of its agent is left, where that is before the end. */
  agentEndedAt?: number | null;
}

/** What is said to an agent: its task, to go on where it was cut off, or an input. */
export type SpokenWords =
  | { readonly kind: "task" }
  | { readonly kind: "go_on" }
  | { readonly kind: "prompt" | "steer"; readonly inputId: string; readonly text: string };

/**
 * Words that a runner has for an agent which has shown no sign of hearing them: it may be lost with its runner first, and they
 * with it. What the agent heard is never said again; the next one knows it from the conversation, or is told of it.
 */
export type UnheardWords = SpokenWords & {
  /** How the agent was told them, as far as is known: as a turn, into the turn that went on, or not yet. */
  told: "turn" | "steer" | null;
};

/** An input that waits to be said. */
export interface QueuedInput {
  readonly inputId: string;
  readonly text: string;
  readonly delivery: "queue" | "steer";
  readonly queuedAt: number;
  /** A runner had taken it and was lost; its agent did nothing about it. */
  readonly isAgain?: boolean;
}

export interface SessionCommandRow {
  session_id: string;
  seq: number;
  /** A `SessionCommand` as JSON. */
  command: string;
  at: number;
}

export interface ApprovalRow {
  id: string;
  org_id: string;
  session_id: string;
  kind: ApprovalKind;
  state: ApprovalState;
  /** An `ApprovalContent` as canonical JSON. */
  content: string;
  content_hash: string;
  requested_at: number;
  requested_by: string;
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
  reason: string | null;
  /** The whole answer as JSON, by which a repetition of it is known. */
  answer: string | null;
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

export interface PluginRow {
  id: string;
  org_id: string;
  name: string;
  state: PluginState;
  origin: PluginOrigin;
  version: string;
  manifest: string;
  manifest_hash: string;
  approved_at: number | null;
  approved_by: string | null;
  registered_at: number;
  updated_at: number;
  last_seq: number;
}

export interface WebhookRow {
  id: string;
  org_id: string;
  url: string;
  /** Its filters as JSON. */
  events: string;
  state: WebhookState;
  disabled_reason: string | null;
  origin: WebhookOrigin;
  /** Sealed; what it was sealed under is its version. */
  secret: Uint8Array;
  secret_version: number;
  /** The secret before, which signs as well until its time is over. */
  previous_secret: Uint8Array | null;
  previous_version: number | null;
  previous_until: number | null;
  created_at: number;
  created_by: string;
  updated_at: number;
  last_seq: number;
}

export interface DeliveryRow {
  id: string;
  org_id: string;
  webhook_id: string;
  /** The order in which its webhook's deliveries were planned. */
  n: number;
  /** What is told in order: a run with its sessions, or another stream. */
  lane: string;
  run_id: string | null;
  /** The event; null for a test. */
  stream: string | null;
  seq: number | null;
  event_type: string;
  state: DeliveryState;
  attempts: number;
  /** When it may be tried; null when it is over, stands behind another in its lane, or its webhook is disabled. */
  due_at: number | null;
  /** From when its age counts: its making, or the last time that somebody wanted it sent again. */
  since: number;
  last_attempt_at: number | null;
  last_status: number | null;
  last_error: DeliveryError | null;
  created_at: number;
  ended_at: number | null;
}

export interface ProjectRow {
  org_id: string;
  id: string;
  name: string;
  task_type: string | null;
  repo: string | null;
  env: string;
  commands: string;
  /** An `ApprovalPolicy` as JSON; null: the default. */
  approvals: string | null;
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
  /** The plugin whose connection it opens; null for a person's or a program's. */
  plugin_id: string | null;
}

export interface TimerRow {
  id: string;
  kind: TimerKind;
  due_at: number;
  run_id: string;
  /** What it is about, within the run: a step's index, a gate's id. */
  ref: string;
}
export type TimerKind =
  | "step.delay"
  | "gate.expire"
  | "run.timeout"
  | "approval.expire"
  | "session.inactive"
  | "session.forget";
