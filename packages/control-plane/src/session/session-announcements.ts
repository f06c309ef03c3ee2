import type { Approval, SessionEventData, SessionEventType, SessionState } from "@signalbox/protocol";
import { readApproval, type PendingEvent, type SignalboxStore } from "@signalbox/store";
import type { EventEmitter } from "eventemitter3";

import { toApproval } from "./session-view.ts";

/** What has happened to sessions. */
export interface SessionHandlerEvents {
  /** A session was opened. */
  session_created: (event: { sessionId: string; orgId: string }) => void;
  /** Its agent is ready on a runner. */
  session_started: (event: { sessionId: string; orgId: string; runnerId: string }) => void;
  /** It is over, and all is well. */
  session_completed: (event: { sessionId: string; orgId: string; reason: string }) => void;
  /** It is over without success; its time being over is one way. */
  session_failed: (event: { sessionId: string; orgId: string; reason: string; message?: string | undefined }) => void;
  /** It went from one state to another. */
  state_changed: (event: { sessionId: string; orgId: string; from: SessionState; to: SessionState }) => void;
  /** A decision is awaited. */
  approval_requested: (event: { sessionId: string; orgId: string; approval: Approval }) => void;
  /** Somebody, or the clock, decided. */
  approval_resolved: (event: { sessionId: string; orgId: string; approval: Approval }) => void;
}

/** Events that have just been appended to a session's log. */
export interface SessionHappening {
  readonly sessionId: string;
  readonly orgId: string;
  readonly events: readonly PendingEvent[];
  /** The number of the last of them. */
  readonly lastSeq: number;
}

/** Tells an emitter's listeners what was appended to a session's log, in its order. */
export async function announce(
  emitter: EventEmitter<SessionHandlerEvents>,
  store: SignalboxStore,
  { sessionId, orgId, events }: SessionHappening,
): Promise<void> {
  const about = { sessionId, orgId };
  for (const event of events) {
    if (isA(event, "session.created")) emitter.emit("session_created", about);
    else if (isA(event, "session.started"))
      emitter.emit("session_started", { ...about, runnerId: event.data.runnerId });
    else if (isA(event, "session.completed")) emitter.emit("session_completed", { ...about, ...event.data });
    else if (isA(event, "session.failed") || isA(event, "session.timed_out"))
      emitter.emit("session_failed", { ...about, ...event.data });
    else if (isA(event, "session.state_changed")) emitter.emit("state_changed", { ...about, ...event.data });
    else if (isA(event, "approval.requested") || isA(event, "approval.resolved")) {
      const { approvalId } = event.data;
      const row = await store.view(() => readApproval(approvalId, orgId));
      const name = event.type === "approval.requested" ? "approval_requested" : "approval_resolved";
      if (row) emitter.emit(name, { ...about, approval: toApproval(row) });
    }
  }
}

function isA<Type extends SessionEventType>(
  event: PendingEvent,
  type: Type,
): event is { readonly type: Type; readonly data: SessionEventData<Type> } {
  return event.type === type;
}
