import * as z from "zod";

import { TimestampSchema } from "../timestamp.ts";

const session = { sessionId: z.string(), timestamp: TimestampSchema };

/** What a client is shown of an approval. */
export const WsApprovalSchema = z.looseObject({
  approvalId: z.string(),
  action: z.string(),
  description: z.string(),
  requestedAt: z.string(),
});
export type WsApproval = z.infer<typeof WsApprovalSchema>;

/** Everything that the session socket says to a client. */
export const WsServerMessageSchema = z.discriminatedUnion("type", [
  /** Something about a session: `state_change`, or another of its events. `seq` is the cursor to resume from. */
  z.object({
    type: z.literal("session"),
    ...session,
    action: z.string(),
    data: z.record(z.string(), z.unknown()),
    seq: z.int().optional(),
  }),
  /**
   * What a terminal shows. `output`: text; it stands for `length` bytes, and `offset` counts those before it, over all attempts
   * at the session. `gap`: so many bytes are lost, `data` says why. `resize`: its size is now `data`, as `80x24`. `control`:
   * `keyboard:taken` and `keyboard:free` by whoever may type, `ended` when no more output will come.
   */
  z.object({
    type: z.literal("terminal"),
    ...session,
    action: z.enum(["output", "gap", "resize", "control"]),
    data: z.string(),
    offset: z.int().optional(),
    length: z.int().optional(),
  }),
  z.object({
    type: z.literal("approval_required"),
    ...session,
    approval: WsApprovalSchema,
    messageId: z.string(),
  }),
  /** The answer to a client's message that carried a `messageId`. */
  z.object({ type: z.literal("ack"), messageId: z.string(), timestamp: TimestampSchema }),
  z.object({
    type: z.literal("error"),
    code: z.string(),
    message: z.string(),
    timestamp: TimestampSchema,
    messageId: z.string().optional(),
    sessionId: z.string().optional(),
  }),
]);
export type WsServerMessage = z.infer<typeof WsServerMessageSchema>;
export type WsServerMessageOf<Type extends WsServerMessage["type"]> = Extract<WsServerMessage, { type: Type }>;
