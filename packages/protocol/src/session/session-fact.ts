import * as z from "zod";

import { ANSWER_REFUSALS, QuestionSchema } from "./approval.ts";
import { SessionEndReasonSchema } from "./end-reasons.ts";
import { DiffStatsSchema, SnapshotSchema } from "./session-diff.ts";
import { UsageSchema } from "./usage.ts";

/**
 * What a runner records of a session for the control plane to act on: one line of JSON each, on the output stream `session` of
 * the attempt, in the order in which it happened. What the agent says word by word is on the stream `agent`.
 */
export const SessionFactSchema = z.discriminatedUnion("fact", [
  /** The agent has shaken hands and can be spoken to. */
  z.object({
    fact: z.literal("ready"),
    nativeSessionId: z.string().max(500).optional(),
    model: z.string().max(200).optional(),
    resumed: z.enum(["loaded", "bootstrapped", "fresh"]).optional(),
    /** Why each better way to go on with its conversation failed. */
    resumeFailure: z.string().max(4_000).optional(),
    hasTerminal: z.boolean().default(false),
  }),
  /** A command was taken; those with lower numbers were too. */
  z.object({ fact: z.literal("taken"), seq: z.int().min(1) }),
  z.object({ fact: z.literal("turn_started") }),
  /** It was given more words in the middle of a turn. */
  z.object({ fact: z.literal("steered") }),
  /** The agent did something after it was last told something: it has heard that. Told once each time. */
  z.object({ fact: z.literal("heard") }),
  z.object({
    fact: z.literal("turn_ended"),
    status: z.enum(["completed", "cancelled", "failed"]),
    error: z.string().max(4_000).optional(),
  }),
  /** The agent waits for a decision. */
  z.object({
    fact: z.literal("asked"),
    requestId: z.string().min(1).max(500),
    kind: z.enum(["permission", "question"]),
    action: z.string().min(1).max(200),
    description: z.string().max(4_000),
    context: z.record(z.string(), z.unknown()),
    questions: z.array(QuestionSchema).max(20).nullable(),
  }),
  /** It no longer waits: somebody answered at the terminal, or its turn was interrupted. */
  z.object({ fact: z.literal("withdrawn"), requestId: z.string().min(1).max(500) }),
  /** A yes that did not reach the agent, which was told no, or had gone on without it. */
  z.object({
    fact: z.literal("refused"),
    approvalId: z.string().min(1).max(500),
    code: z.enum(ANSWER_REFUSALS),
    message: z.string().max(4_000),
  }),
  /** The step does not allow what the agent wanted to do, so it was told no. */
  z.object({ fact: z.literal("denied"), action: z.string().min(1).max(200), description: z.string().max(4_000) }),
  z.object({ fact: z.literal("usage"), usage: UsageSchema }),
  /** How much the workspace differs from its base: after a turn, at the end, or because somebody asked (`requestId`). */
  z.object({
    fact: z.literal("diff"),
    requestId: z.string().max(200).nullable(),
    stats: DiffStatsSchema,
    /** Absent where only the figures were looked at. */
    snapshot: SnapshotSchema.optional(),
    isFinal: z.boolean(),
  }),
  /** A diff that was asked for and cannot be told. */
  z.object({ fact: z.literal("diff_failed"), requestId: z.string().max(200), message: z.string().max(4_000) }),
  /** The agent is gone, and why. The result of the attempt follows. */
  z.object({ fact: z.literal("ended"), reason: SessionEndReasonSchema, message: z.string().max(4_000).optional() }),
]);
export type SessionFact = z.infer<typeof SessionFactSchema>;
export type SessionFactOf<Fact extends SessionFact["fact"]> = Extract<SessionFact, { fact: Fact }>;
