import {
  type WsClientMessage,
  WsClientMessageSchema,
  type WsSubscribeSession,
  type WsTerminalInput,
  type WsUnsubscribeSession,
} from "./client-messages.ts";

/** Whether a value is a message that a client of the session socket may send. */
export function isWsMessage(value: unknown): value is WsClientMessage {
  return WsClientMessageSchema.safeParse(value).success;
}

export function isWsTerminalInput(value: unknown): value is WsTerminalInput {
  return isWsMessage(value) && value.type === "terminal_input";
}

export function isWsSubscribeSession(value: unknown): value is WsSubscribeSession {
  return isWsMessage(value) && value.type === "subscribe_session";
}

export function isWsUnsubscribeSession(value: unknown): value is WsUnsubscribeSession {
  return isWsMessage(value) && value.type === "unsubscribe_session";
}
