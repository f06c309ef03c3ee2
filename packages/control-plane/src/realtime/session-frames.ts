import type { EventRecord, WsServerMessageOf } from "@signalbox/protocol";

/** An event of a session as its followers are told. Its number is the cursor to come back with. Pure. */
export function sessionFrame(sessionId: string, { seq, type, data, at }: EventRecord): WsServerMessageOf<"session"> {
  return { type: "session", sessionId, action: actionOf(type), data, timestamp: at, seq };
}

/** A change of state has the name that clients of the socket know; the others keep theirs. Pure. */
export function actionOf(type: string): string {
  return type === "session.state_changed" ? "state_change" : type;
}
