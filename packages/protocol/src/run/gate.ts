import * as z from "zod";

import { DecisionRuleSchema } from "../access/decision-rule.ts";
import { ActorSchema } from "../actor.ts";
import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";
import { ShownChangesSchema } from "./shown-changes.ts";
import { GATE_TRANSITIONS, type GateState } from "./run-states.ts";

export const GateStateSchema = z.enum(Object.keys(GATE_TRANSITIONS) as [GateState, ...GateState[]]);

/** Exactly what a gate asks for: the question, who may answer, and every step that waits behind it as it will run. */
export const GateContentSchema = DecisionRuleSchema.extend({
  v: z.literal(1),
  orgId: z.string(),
  projectId: z.string(),
  runId: z.string(),
  step: z.string(),
  description: z.string(),
  approvers: z.array(z.string()),
  expiresAt: TimestampSchema,
  /** The definitions of all steps that need this gate, directly or through others, in plan order. */
  guards: z.array(z.record(z.string(), z.unknown())),
  /** What the run has changed, where a step with the tool `changes` before the gate has looked. */
  changes: ShownChangesSchema.optional(),
  /** Why it is asked again, where somebody has said yes before. */
  again: z.string().optional(),
});
export type GateContent = z.infer<typeof GateContentSchema>;

/** A decision that somebody must take. What it asks never changes; `contentHash` commits to it. */
export const GateSchema = z.object({
  id: z.string(),
  runId: z.string(),
  step: z.string(),
  status: GateStateSchema,
  content: GateContentSchema,
  /** sha256 in hex of `approval/v1`, a NUL and the canonical JSON of `content`. */
  contentHash: z.string(),
  requestedAt: TimestampSchema,
  expiresAt: TimestampSchema,
  decidedAt: TimestampSchema.optional(),
  decidedBy: ActorSchema.optional(),
  note: z.string().optional(),
});
export type Gate = z.infer<typeof GateSchema>;

/** An answer to a gate. A `contentHash` that is sent must be the gate's, else nothing is decided. */
export const ResolveGateRequestSchema = z.strictObject({
  note: z.string().max(limit("gate.noteLength")).nullish(),
  contentHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex")
    .optional(),
});
export type ResolveGateRequest = z.infer<typeof ResolveGateRequestSchema>;

/** What the hash of a gate's content is taken over. */
export const APPROVAL_HASH_PREFIX = "approval/v1\u0000";
