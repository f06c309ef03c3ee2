import * as z from "zod";

import { OpaqueIdSchema, OrgIdSchema } from "../ids.ts";
import { limit } from "../limits.ts";
import { ProviderIdSchema } from "../provider.ts";
import { ProjectIdSchema } from "../run/create-run.ts";
import { RequirementsSchema, SandboxModeSchema } from "../run/plan.ts";
import { RepositorySchema } from "../run/repository.ts";
import { TimestampSchema } from "../timestamp.ts";
import { ApprovalSchema } from "./approval.ts";
import { SessionEndReasonSchema } from "./end-reasons.ts";
import { DiffStatsSchema } from "./session-diff.ts";
import { ModelNameSchema, PERMISSION_MODES, SESSION_MODES } from "./session-modes.ts";
import { INPUT_TRANSITIONS, SESSION_TRANSITIONS, type InputState, type SessionState } from "./session-states.ts";
import { TerminalSizeSchema } from "./terminal-size.ts";
import { BudgetSchema, GrantedBudgetSchema, UsageSchema } from "./usage.ts";

export const SessionStateSchema = z.enum(Object.keys(SESSION_TRANSITIONS) as [SessionState, ...SessionState[]]);
export const InputStateSchema = z.enum(Object.keys(INPUT_TRANSITIONS) as [InputState, ...InputState[]]);

/** What a caller sends to open a session. */
export const CreateSessionRequestSchema = z.strictObject({
  orgId: OrgIdSchema,
  projectId: ProjectIdSchema.default("default"),
  providerId: ProviderIdSchema,
  /** What the workspace is made from; none means an empty one. */
  repo: RepositorySchema.optional(),
  task: z.string().trim().min(1).max(limit("prompt.length")),
  title: z.string().trim().min(1).max(200).optional(),
  mode: z.enum(SESSION_MODES).default("task"),
  model: ModelNameSchema.optional(),
  permissions: z.enum(PERMISSION_MODES).default("ask"),
  budget: BudgetSchema.optional(),
  /** A terminal of its own beside the agent, where the provider has one. */
  terminal: TerminalSizeSchema.optional(),
  timeoutMinutes: z
    .number()
    .positive()
    .max(7 * 24 * 60)
    .optional(),
  /** An interactive session with nothing to do for this long is closed. */
  inactivityMinutes: z
    .number()
    .positive()
    .max(7 * 24 * 60)
    .optional(),
  /** How long a question of the agent waits; unanswered means no. */
  approvalTimeoutMinutes: z
    .number()
    .positive()
    .max(7 * 24 * 60)
    .optional(),
  /** Begin from the workspace, and where the provider can from the conversation, of this session. */
  forkOf: OpaqueIdSchema.optional(),
  requires: RequirementsSchema.optional(),
  sandbox: SandboxModeSchema.default("auto"),
  network: z.enum(["none", "host"]).default("host"),
});
export type CreateSessionRequest = z.infer<typeof CreateSessionRequestSchema>;
/** The same as a caller may write it, with defaults left out. */
export type CreateSessionInput = z.input<typeof CreateSessionRequestSchema>;

/** Something that was said to the agent, or waits to be. */
export const SessionInputSchema = z.object({
  inputId: z.string(),
  text: z.string(),
  state: InputStateSchema,
  /** `queue`: a turn of its own, after what is queued; `steer`: into the turn that goes on. */
  delivery: z.enum(["queue", "steer"]),
  queuedAt: TimestampSchema,
});
export type SessionInput = z.infer<typeof SessionInputSchema>;

/** One agent at work on one runner. */
export const SessionSchema = z.object({
  sessionId: z.string(),
  orgId: z.string(),
  projectId: z.string(),
  providerId: ProviderIdSchema,
  model: z.string().optional(),
  title: z.string(),
  task: z.string(),
  mode: z.enum(SESSION_MODES),
  state: SessionStateSchema,
  reason: SessionEndReasonSchema.optional(),
  message: z.string().optional(),
  repo: RepositorySchema.optional(),
  /** The run and step that it is the work of. */
  runId: z.string(),
  step: z.string(),
  attemptId: z.string().optional(),
  runnerId: z.string().optional(),
  /** The agent's own name for the conversation. */
  nativeSessionId: z.string().optional(),
  /** How the conversation went on after its last start: as it was, from a summary of it, or from nothing. */
  resumed: z.enum(["loaded", "bootstrapped", "fresh"]).optional(),
  /** Why each better way to go on with the conversation failed. */
  resumeFailure: z.string().optional(),
  /** Whether the agent works on something now. */
  isWorking: z.boolean(),
  /** When the last process of its agent was gone, after somebody ended it: before all that it said is here, and so before `endedAt`. */
  agentEndedAt: TimestampSchema.optional(),
  turns: z.int(),
  hasTerminal: z.boolean(),
  queue: z.array(SessionInputSchema),
  pendingApprovals: z.array(ApprovalSchema),
  usage: UsageSchema,
  budget: GrantedBudgetSchema.optional(),
  forkOf: z.string().optional(),
  /** How much its workspace differs from the commit that it began from, as of its last turn or diff. */
  changes: DiffStatsSchema.optional(),
  /** The number of its last event: where a reader that has just read this begins. */
  lastSeq: z.int(),
  createdAt: TimestampSchema,
  updatedAt: TimestampSchema,
  startedAt: TimestampSchema.optional(),
  endedAt: TimestampSchema.optional(),
  /** When its data is forgotten. */
  forgottenAt: TimestampSchema.optional(),
});
export type Session = z.infer<typeof SessionSchema>;

/** Something to say to the agent. */
export const SendInputRequestSchema = z.strictObject({
  text: z.string().trim().min(1).max(limit("prompt.length")),
  delivery: z.enum(["queue", "steer"]).default("queue"),
});
export type SendInputRequest = z.infer<typeof SendInputRequestSchema>;

/** The ids of all queued inputs in their new order. */
export const ReorderInputsRequestSchema = z.strictObject({
  inputIds: z.array(OpaqueIdSchema).min(1).max(limit("session.queue")),
});
export type ReorderInputsRequest = z.infer<typeof ReorderInputsRequestSchema>;

export const StopSessionRequestSchema = z.strictObject({
  sessionId: OpaqueIdSchema,
  reason: z.string().max(limit("gate.noteLength")).optional(),
});
export type StopSessionRequest = z.infer<typeof StopSessionRequestSchema>;
