import * as z from "zod";

import { DecisionRuleSchema } from "../access/decision-rule.ts";
import { ActorSchema } from "../actor.ts";
import { OpaqueIdSchema } from "../ids.ts";
import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";
import { APPROVAL_TRANSITIONS, type ApprovalState } from "./session-states.ts";

export const ApprovalStateSchema = z.enum(Object.keys(APPROVAL_TRANSITIONS) as [ApprovalState, ...ApprovalState[]]);

/**
 * What a decision is about: a tool that the agent wants to use, a question that it asks, an action that somebody asks leave
 * for, a budget that is used up, or a gate of a run.
 */
export const APPROVAL_KINDS = ["permission", "question", "action", "budget", "gate"] as const;
export const ApprovalKindSchema = z.enum(APPROVAL_KINDS);
export type ApprovalKind = z.infer<typeof ApprovalKindSchema>;

/** A question of an agent, with what may be answered. */
export const QuestionSchema = z.object({
  id: z.string().max(200),
  text: z.string(),
  options: z.array(z.object({ label: z.string(), description: z.string().optional() })).max(50),
  allowsMany: z.boolean().default(false),
  allowsText: z.boolean().default(false),
});
export type Question = z.infer<typeof QuestionSchema>;

/** What asked: an answer cannot let another attempt, or another request, go on. */
export const ApprovalOriginSchema = z.object({ attemptId: z.string(), epoch: z.int(), requestId: z.string() });

/**
 * Exactly what is decided. Its hash is the approval's; a runner computes it anew from what its agent waits with, before it lets
 * the agent go on. Who may decide is part of it for what the project's policy is about, an action and a budget.
 */
export const ApprovalContentSchema = DecisionRuleSchema.extend({
  v: z.literal(1),
  orgId: z.string(),
  sessionId: z.string(),
  kind: ApprovalKindSchema,
  /** A word or two: `merge`, `run_command`, `write_file`. */
  action: z.string(),
  description: z.string(),
  /** Everything that the decision lets happen: the command, the diff, the agent's own input. */
  context: z.record(z.string(), z.unknown()),
  questions: z.array(QuestionSchema).nullable(),
  /** Null for what no agent waits for. */
  origin: ApprovalOriginSchema.nullable(),
});
export type ApprovalContent = z.infer<typeof ApprovalContentSchema>;

/** A decision that somebody must take, with who may take it. */
export const ApprovalSchema = DecisionRuleSchema.extend({
  approvalId: z.string(),
  orgId: z.string(),
  sessionId: z.string().optional(),
  runId: z.string().optional(),
  kind: ApprovalKindSchema,
  action: z.string(),
  description: z.string(),
  context: z.record(z.string(), z.unknown()),
  questions: z.array(QuestionSchema).optional(),
  /** Absent for what no agent waits for. */
  origin: ApprovalOriginSchema.optional(),
  state: ApprovalStateSchema,
  /** sha256 in hex of `approval/v1`, a NUL and the canonical JSON of the content. */
  contentHash: z.string(),
  requestedAt: TimestampSchema,
  requestedBy: ActorSchema.optional(),
  expiresAt: TimestampSchema,
  approvers: z.array(z.string()),
  decidedAt: TimestampSchema.optional(),
  decidedBy: ActorSchema.optional(),
  reason: z.string().optional(),
  /** Of a yes that is looked at by itself: why it does not count any more. Whoever acts on it by themselves must not, then. */
  lapsed: z.string().optional(),
});
export type Approval = z.infer<typeof ApprovalSchema>;

/**
 * Why a runner did not let its agent go on though somebody said yes: what was allowed is not what the agent waits with; the agent
 * waits no more, or was answered before; the answer is none of those that the agent offers; who said yes might not decide any more
 * when it arrived.
 */
export const ANSWER_REFUSALS = ["CONTENT_CHANGED", "NOT_WAITING", "INVALID_ANSWER", "APPROVAL_LAPSED"] as const;
export type AnswerRefusal = (typeof ANSWER_REFUSALS)[number];

/** How long an answer counts: for this one request, or for all like it in the session, where the agent offers that. */
export const APPROVAL_SCOPES = ["once", "session"] as const;

/** An answer to an approval. A `contentHash` that is sent must be the approval's, else nothing is decided. */
export const ResolveApprovalRequestSchema = z.strictObject({
  approvalId: OpaqueIdSchema,
  decision: z.enum(["allow", "deny"]),
  reason: z.string().max(limit("gate.noteLength")).optional(),
  contentHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex")
    .optional(),
  scope: z.enum(APPROVAL_SCOPES).default("once"),
  /** To a question: its id, and the labels chosen or the words given. */
  answers: z.record(z.string().max(200), z.array(z.string().max(limit("gate.noteLength"))).max(50)).optional(),
});
export type ResolveApprovalRequest = z.infer<typeof ResolveApprovalRequestSchema>;
export type ResolveApprovalInput = z.input<typeof ResolveApprovalRequestSchema>;

/** Somebody asks leave for an action in a session. */
export const RequestApprovalRequestSchema = z.strictObject({
  sessionId: OpaqueIdSchema,
  action: z.string().trim().min(1).max(200),
  description: z.string().max(limit("gate.noteLength")).default(""),
  context: z.record(z.string(), z.json()).default({}),
  expiresInMs: z.int().min(1_000).max(limit("gate.expiresMs")).optional(),
});
export type RequestApprovalRequest = z.infer<typeof RequestApprovalRequestSchema>;
