import type { ApprovalKind, ApprovalState, SessionState } from "@signalbox/protocol";

import type { ApprovalRow, SessionCommandRow, SessionRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** One session of an org. */
export function* readSession(sessionId: string, orgId: string): Generator<Statement, SessionRow | undefined, unknown> {
  const row = yield* get<SessionRow>("SELECT * FROM sessions WHERE id = ?", sessionId);
  return row?.org_id === orgId ? row : undefined;
}

export interface SessionQuery {
  readonly orgId: string;
  readonly state?: SessionState | undefined;
  readonly limit: number;
  readonly offset: number;
}

const SELECT_PAGE =
  "SELECT * FROM sessions WHERE org_id = (SELECT ?) AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ? OFFSET ?";
const COUNT_ALL = "SELECT COUNT(*) AS total FROM sessions WHERE org_id = (SELECT ?) AND (? IS NULL OR state = ?)";

/** Sessions of an org, newest first, and how many there are. */
export function* readSessions({
  orgId,
  state,
  limit,
  offset,
}: SessionQuery): Generator<Statement, { readonly rows: readonly SessionRow[]; readonly total: number }, unknown> {
  const which = [orgId, state ?? null, state ?? null] as const;
  const rows = yield* all<SessionRow>(SELECT_PAGE, ...which, limit, offset);
  const total = (yield* get<{ total: number }>(COUNT_ALL, ...which))?.total ?? 0;
  return { rows, total };
}

/** What a session was told after a number: what its runner may not have heard. */
export function* readCommands(
  sessionId: string,
  after: number,
): Generator<Statement, readonly SessionCommandRow[], unknown> {
  return yield* all<SessionCommandRow>(
    "SELECT * FROM session_commands WHERE session_id = (SELECT ?) AND seq > (SELECT ?) ORDER BY seq",
    sessionId,
    after,
  );
}

/** One approval of an org. */
export function* readApproval(
  approvalId: string,
  orgId: string,
): Generator<Statement, ApprovalRow | undefined, unknown> {
  const row = yield* get<ApprovalRow>("SELECT * FROM approvals WHERE id = ?", approvalId);
  return row?.org_id === orgId ? row : undefined;
}

export interface ApprovalQuery {
  readonly orgId: string;
  readonly state?: ApprovalState | undefined;
  readonly kind?: ApprovalKind | undefined;
  readonly sessionId?: string | undefined;
  readonly limit: number;
}

/** Approvals of an org, newest first. */
export function* readApprovals(query: ApprovalQuery): Generator<Statement, readonly ApprovalRow[], unknown> {
  const { orgId, state = null, kind = null, sessionId = null, limit } = query;
  return yield* all<ApprovalRow>(
    `SELECT * FROM approvals WHERE org_id = (SELECT ?) AND (? IS NULL OR state = ?) AND (? IS NULL OR kind = ?)
      AND (? IS NULL OR session_id = ?) ORDER BY id DESC LIMIT ?`,
    orgId,
    state,
    state,
    kind,
    kind,
    sessionId,
    sessionId,
    limit,
  );
}

/** The approvals of a session that wait for an answer, oldest first. */
export function* readOpenApprovals(sessionId: string): Generator<Statement, readonly ApprovalRow[], unknown> {
  return yield* all<ApprovalRow>(
    "SELECT * FROM approvals WHERE session_id = (SELECT ?) AND state = 'pending' ORDER BY id",
    sessionId,
  );
}
