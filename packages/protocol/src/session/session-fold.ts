import { isFinal } from "../transition-table.ts";
import type { SessionEventData, SessionEventType } from "./session-events.ts";
import { SESSION_TRANSITIONS, type ApprovalState, type SessionState } from "./session-states.ts";

/** What a session's events come to. */
export interface FoldedSession {
  readonly state: SessionState;
  /** Every approval that was asked for, and what became of it. */
  readonly approvals: ReadonlyMap<string, ApprovalState>;
  readonly turns: number;
  /** The runs that were to publish something, in the order in which that was asked, and what became of each. */
  readonly publications: ReadonlyMap<string, "requested" | "succeeded" | "failed">;
  /** Every move that the table does not have, and every decision or end of what was not asked, or was decided or over already. */
  readonly illegal: readonly { readonly seq: number; readonly message: string }[];
}

interface FoldedEvent {
  readonly seq: number;
  readonly type: SessionEventType;
  readonly data: unknown;
}

/** Replays the events of one session, first to last, into what its row and its approvals must say. */
export function foldSession(events: Iterable<FoldedEvent>): FoldedSession {
  const illegal: { seq: number; message: string }[] = [];
  const approvals = new Map<string, ApprovalState>();
  const publications = new Map<string, "requested" | "succeeded" | "failed">();
  let state: SessionState = "CREATED";
  let turns = 0;
  for (const { seq, type, data } of events) {
    if (type === "session.state_changed") {
      const { from, to } = data as SessionEventData<"session.state_changed">;
      if (from !== state || !leadsTo(from, to)) {
        illegal.push({ seq, message: `the session is ${state}; that leaves no way from ${from} to ${to}` });
      }
      state = to;
    } else if (type === "approval.requested") {
      const { approvalId } = data as SessionEventData<"approval.requested">;
      if (approvals.has(approvalId)) illegal.push({ seq, message: `${approvalId} was asked for before` });
      approvals.set(approvalId, "pending");
    } else if (type === "approval.resolved") {
      const { approvalId, state: decided } = data as SessionEventData<"approval.resolved">;
      if (approvals.get(approvalId) !== "pending") {
        illegal.push({ seq, message: `${approvalId} is ${approvals.get(approvalId) ?? "unknown"} and was decided` });
      }
      approvals.set(approvalId, decided);
    } else if (type === "publish.requested") {
      const { runId } = data as SessionEventData<"publish.requested">;
      if (publications.has(runId)) illegal.push({ seq, message: `${runId} was to publish something before` });
      publications.set(runId, "requested");
    } else if (type === "publish.succeeded" || type === "publish.failed") {
      const { runId } = data as SessionEventData<typeof type>;
      const stood = publications.get(runId);
      if (stood !== "requested") illegal.push({ seq, message: `${runId} is ${stood ?? "unknown"} and was ended` });
      publications.set(runId, type === "publish.succeeded" ? "succeeded" : "failed");
    } else if (type === "turn.started") {
      turns += 1;
    }
  }
  if (isFinal(SESSION_TRANSITIONS, state)) {
    for (const [approvalId, decided] of approvals) {
      if (decided === "pending") illegal.push({ seq: 0, message: `the session is over, and ${approvalId} is pending` });
    }
  }
  return { state, approvals, turns, publications, illegal };
}

function leadsTo(from: SessionState, to: SessionState): boolean {
  return (Object.values(SESSION_TRANSITIONS[from]) as SessionState[]).includes(to);
}
