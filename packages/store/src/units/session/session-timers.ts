import { SYSTEM_ACTOR } from "@signalbox/protocol";

import type { SessionRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { findApproval } from "./approvals.ts";
import { resolveApproval } from "./resolve-approval.ts";
import { close, hasSaidAll } from "./session-queue.ts";
import { changeOf, saveSession, setSessionTimer, type SessionOutcome } from "./session-change.ts";

const SELECT_SESSION = "SELECT * FROM sessions WHERE id = ?";

/** Nobody answered: that means no. */
export function* expireApproval(
  approvalId: string,
  orgId: string,
  now: number,
): Generator<Statement, SessionOutcome | undefined, unknown> {
  const approval = yield* findApproval(approvalId);
  if (approval?.state !== "pending") return undefined;
  return yield* resolveApproval({ approvalId, orgId, move: "expire", scope: "once", now, actor: SYSTEM_ACTOR });
}

/** Nobody had anything to say for long enough. */
export function* closeInactive(
  sessionId: string,
  now: number,
): Generator<Statement, SessionOutcome | undefined, unknown> {
  const row = yield* get<SessionRow>(SELECT_SESSION, sessionId);
  if (!row || row.ended_at !== null || row.state !== "RUNNING") return undefined;
  const change = changeOf(row);
  const { progress } = change;
  if (progress.isWorking) return undefined;
  // It may only have been asked for its diff, after which it still has nothing to do.
  if (!hasSaidAll(progress)) setSessionTimer(change, "session.inactive", sessionId, now + progress.terms.inactivityMs);
  else close(change, "inactive");
  return yield* saveSession(change, { now, actor: SYSTEM_ACTOR });
}

const FORGET = [
  "DELETE FROM session_commands WHERE session_id = ?",
  "DELETE FROM approvals WHERE session_id = ?",
  "DELETE FROM events WHERE stream = ?",
  "DELETE FROM sessions WHERE id = ?",
];

/** Removes all that is kept of a session that has ended. Its run is kept by the rules of runs. */
export function* forgetSession(sessionId: string): Generator<Statement, void, unknown> {
  const row = yield* get<SessionRow>(SELECT_SESSION, sessionId);
  if (!row || row.ended_at === null) return;
  for (const statement of FORGET) yield* run(statement, sessionId);
}
