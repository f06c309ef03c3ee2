import * as z from "zod";

import { OpaqueIdSchema } from "../ids.ts";
import { limit } from "../limits.ts";
import { TerminalSizeSchema } from "../session/terminal-size.ts";

/** On every message of a client. Both may be left out: an answer then names neither. */
const envelope = { messageId: z.string().max(128).optional(), timestamp: z.string().max(64).optional() };
const session = { ...envelope, sessionId: OpaqueIdSchema };

/**
 * Opens the connection's eyes to one session; `after` and `offset` resume where an earlier connection stopped. Without `offset`
 * or `tail` nothing of its terminal is sent. The terminal of a plain command goes by the id of its step or run.
 */
export const WsSubscribeSessionSchema = z.strictObject({
  type: z.literal("subscribe_session"),
  ...session,
  /** Number of the last event that the client has. Absent: from now on. */
  after: z.int().min(0).optional(),
  /** Bytes of the terminal that the client has; it is sent what comes after them. */
  offset: z.int().min(0).optional(),
  /** Instead of `offset`: so many of the last bytes of the terminal, and what comes after them. */
  tail: z.int().min(0).optional(),
});
export type WsSubscribeSession = z.infer<typeof WsSubscribeSessionSchema>;

export const WsUnsubscribeSessionSchema = z.strictObject({ type: z.literal("unsubscribe_session"), ...session });
export type WsUnsubscribeSession = z.infer<typeof WsUnsubscribeSessionSchema>;

/** What was typed. Taken only from whoever may type, and holds the keyboard. */
export const WsTerminalInputSchema = z.strictObject({
  type: z.literal("terminal_input"),
  ...session,
  data: z.string().max(limit("terminal.inputBytes")),
});
export type WsTerminalInput = z.infer<typeof WsTerminalInputSchema>;

export const WsTerminalResizeSchema = z.strictObject({
  type: z.literal("terminal_resize"),
  ...session,
  size: TerminalSizeSchema,
});
export type WsTerminalResize = z.infer<typeof WsTerminalResizeSchema>;

/** Asks for the keyboard, or gives it back: one writer at a time. */
export const WsTerminalControlSchema = z.strictObject({
  type: z.literal("terminal_control"),
  ...session,
  action: z.enum(["take", "release"]),
});
export type WsTerminalControl = z.infer<typeof WsTerminalControlSchema>;

/** Proves who the client is when its upgrade request could not: a token or a single-use ticket. */
export const WsAuthenticateSchema = z.strictObject({
  type: z.literal("authenticate"),
  ...envelope,
  token: z.string().min(1).max(500),
});
export type WsAuthenticate = z.infer<typeof WsAuthenticateSchema>;

/** Everything that a client of the session socket may say. */
export const WsClientMessageSchema = z.discriminatedUnion("type", [
  WsSubscribeSessionSchema,
  WsUnsubscribeSessionSchema,
  WsTerminalInputSchema,
  WsTerminalResizeSchema,
  WsTerminalControlSchema,
  WsAuthenticateSchema,
]);
export type WsClientMessage = z.infer<typeof WsClientMessageSchema>;
