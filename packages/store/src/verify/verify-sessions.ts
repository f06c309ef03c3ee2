import {
  foldSession,
  SESSION_EVENTS,
  type ApprovalState,
  type FoldedSession,
  type SessionEventType,
} from "@signalbox/protocol";

import type { ApprovalRow, SessionProgress, SessionRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import { hashOfApproval } from "../units/session/approvals.ts";
import type { Findings } from "./findings.ts";
import { wantBlob } from "./verify-blobs.ts";
import { readLog, type ReadEvent } from "./read-log.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

const PAGE = 200;
const SELECT_PAGE = "SELECT * FROM sessions WHERE id > ? ORDER BY id LIMIT ?";
const SELECT_APPROVALS = "SELECT * FROM approvals WHERE session_id = (SELECT ?)";
const SELECT_STRAYS =
  "SELECT id FROM approvals WHERE session_id NOT IN (SELECT id FROM sessions) UNION ALL SELECT session_id FROM session_commands WHERE session_id NOT IN (SELECT id FROM sessions) LIMIT 20";
const SELECT_WITHOUT_RUN = "SELECT id FROM sessions WHERE run_id NOT IN (SELECT id FROM runs) LIMIT 20";

/** Every session: its log without holes, its state, turns and approvals those that its events lead to; approvals as they were asked. */
export function* verifySessions(
  { findings, wanted, hashes }: VerifyContext,
  seen: Seen,
): Generator<Statement, void, unknown> {
  let after = "";
  for (;;) {
    const rows: SessionRow[] = yield* all<SessionRow>(SELECT_PAGE, after, PAGE);
    for (const row of rows) {
      const events: ReadEvent<SessionEventType>[] = [];
      const log = { stream: row.id, lastSeq: row.last_seq, definitions: SESSION_EVENTS };
      seen.events += yield* readLog(log, findings, (event) => events.push(event));
      const folded = foldSession(events);
      compare(row, folded, findings);
      const { document, pack } = (JSON.parse(row.progress) as SessionProgress).diff?.snapshot ?? {};
      for (const blob of [document, pack]) if (blob) wantBlob(wanted, { ...blob, stream: row.id }, findings);
      const approvals = yield* all<ApprovalRow>(SELECT_APPROVALS, row.id);
      compareApprovals(row.id, approvals, folded, findings);
      if (hashes) for (const approval of approvals) compareHash(approval, findings);
    }
    seen.sessions += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < PAGE) break;
  }
  for (const { id } of yield* all<{ id: string }>(SELECT_STRAYS)) {
    findings.problem("orphan", id, `${id} is of a session that is not there`);
  }
  for (const { id } of yield* all<{ id: string }>(SELECT_WITHOUT_RUN)) {
    findings.problem("orphan", id, `session ${id} is of a run that is not there`);
  }
}

function compare(row: SessionRow, folded: FoldedSession, findings: Findings): void {
  const progress = JSON.parse(row.progress) as SessionProgress;
  for (const { seq, message } of folded.illegal) findings.problem("move", row.id, `event ${seq}: ${message}`);
  if (folded.state !== row.state)
    findings.problem("state", row.id, `the session is ${row.state}; its events say ${folded.state}`);
  if (folded.turns !== progress.turns)
    findings.problem("state", row.id, `the session had ${progress.turns} turns; its events say ${folded.turns}`);
  const [listed, told] = [(progress.publications ?? []).join(), [...folded.publications.keys()].join()];
  if (listed !== told)
    findings.problem("state", row.id, `the session was to be published by ${listed}; its events say ${told}`);
  if (progress.taken > progress.commands)
    findings.problem("state", row.id, `command ${progress.taken} was taken; there are ${progress.commands}`);
}

function compareApprovals(
  sessionId: string,
  approvals: readonly ApprovalRow[],
  folded: FoldedSession,
  findings: Findings,
): void {
  const stored = new Map<string, ApprovalState>(approvals.map(({ id, state }) => [id, state]));
  for (const id of new Set([...stored.keys(), ...folded.approvals.keys()])) {
    const [is, told] = [stored.get(id), folded.approvals.get(id)];
    if (is !== told) {
      findings.problem(
        "gate",
        sessionId,
        `approval ${id} is ${is ?? "not there"}; the events say ${told ?? "nothing"}`,
      );
    }
  }
}

function compareHash(
  { id, session_id: sessionId, content, content_hash: hash }: ApprovalRow,
  findings: Findings,
): void {
  if (hashOfApproval(content) !== hash)
    findings.problem("hash", sessionId, `approval ${id} does not have the hash of what it asks`);
}
