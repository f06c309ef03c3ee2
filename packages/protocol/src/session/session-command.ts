import * as z from "zod";

import { limit } from "../limits.ts";
import { APPROVAL_SCOPES } from "./approval.ts";
import { SessionEndReasonSchema } from "./end-reasons.ts";
import { TerminalSizeSchema } from "./terminal-size.ts";

const words = {
  inputId: z.string(),
  text: z.string().max(limit("prompt.length")),
  /** An earlier attempt took it, and its agent was lost before it did anything: it may know the words, and did not act on them. */
  isAgain: z.boolean().optional(),
};

/**
 * What the control plane tells the runner of a session. Each is a row with a number until the runner's record says that it
 * was taken, and is sent again after every reconnect: a runner that has taken a number ignores it.
 */
export const SessionCommandSchema = z.discriminatedUnion("kind", [
  /** The next turn. */
  z.object({ kind: z.literal("prompt"), ...words }),
  /** Words into the turn that goes on. */
  z.object({ kind: z.literal("steer"), ...words }),
  z.object({ kind: z.literal("interrupt") }),
  /** An answer to what the agent asked; `contentHash` is recomputed from what the agent holds. */
  z.object({
    kind: z.literal("answer"),
    requestId: z.string(),
    approvalId: z.string(),
    contentHash: z.string(),
    decision: z.enum(["allow", "deny"]),
    /** It was a yes, and whoever said it may not decide any more: it arrives as a no, and the record says why. */
    isLapsed: z.boolean().optional(),
    scope: z.enum(APPROVAL_SCOPES),
    reason: z.string().optional(),
    answers: z.record(z.string(), z.array(z.string())).optional(),
  }),
  /** Take the diff of the workspace; `pack`: and keep what it takes to publish it. Answered by a fact. */
  z.object({ kind: z.literal("diff"), requestId: z.string().max(200), pack: z.boolean() }),
  z.object({ kind: z.literal("pause") }),
  /** `continues`: the turn that the pause interrupted goes on. */
  z.object({ kind: z.literal("resume"), continues: z.boolean() }),
  /** No more turns: the agent ends in good order, and the attempt with it. */
  z.object({ kind: z.literal("close"), reason: SessionEndReasonSchema, message: z.string().optional() }),
]);
export type SessionCommand = z.infer<typeof SessionCommandSchema>;

/** What is typed into a terminal, or its new size: not kept, sent once, lost with the connection. */
export const TerminalCommandSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("keys"), bytes: z.base64().max(limit("terminal.inputBytes") * 2) }),
  z.object({ kind: z.literal("resize"), size: TerminalSizeSchema }),
]);
export type TerminalCommand = z.infer<typeof TerminalCommandSchema>;
