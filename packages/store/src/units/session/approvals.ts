import { createHash } from "node:crypto";

import {
  APPROVAL_HASH_PREFIX,
  APPROVAL_TRANSITIONS,
  canonicalJson,
  limit,
  nextState,
  toTimestamp,
  type Actor,
  type ApprovalContent,
  type ApprovalKind,
  type ApprovalState,
  type DecisionRule,
} from "@signalbox/protocol";

import { approvalIdOf } from "../../derived-ids.ts";
import type { ApprovalRow, RunHeader, RunRow, SessionRow } from "../../rows.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import { ruleFor } from "../access/decision-rule.ts";
import { canMove, moveSession, setSessionTimer, tell, type SessionChange } from "./session-change.ts";

const INSERT_APPROVAL = `INSERT INTO approvals (id, org_id, session_id, kind, state, content, content_hash, requested_at, requested_by, expires_at)
  VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?)`;
const SELECT_APPROVAL = "SELECT * FROM approvals WHERE id = ?";
const SELECT_OPEN = "SELECT * FROM approvals WHERE session_id = (SELECT ?) AND state = 'pending'";
const DECIDE = "UPDATE approvals SET state = ?, decided_at = ?, decided_by = ?, reason = ?, answer = ? WHERE id = ?";

/** What somebody, or an agent, asks leave for. */
export type ApprovalQuestion = Omit<ApprovalContent, "v" | "orgId" | "sessionId" | keyof DecisionRule>;

/** Opens an approval and lets its session wait for the answer. Returns its id, or undefined when too many are open. */
export function* openApproval(
  change: SessionChange,
  question: ApprovalQuestion,
  args: { readonly expiresInMs: number; readonly now: number; readonly actor: Actor },
): Generator<Statement, string | undefined, unknown> {
  const { row, progress } = change;
  // There is one question about a budget at most, and without it nothing would go on.
  if (question.kind !== "budget" && progress.open.length >= limit("approvals.pending")) return undefined;
  progress.approvals += 1;
  const id = approvalIdOf(row.id, progress.approvals);
  const expiresAt = args.now + args.expiresInMs;
  const by = `${args.actor.kind}:${args.actor.id}`;
  const rule = IS_UNDER_POLICY[question.kind] ? yield* ruleOf(row, by) : {};
  const content: ApprovalContent = { v: 1, orgId: row.org_id, sessionId: row.id, ...question, ...rule };
  const text = canonicalJson(content);
  const hash = hashOfApproval(text);
  yield* run(INSERT_APPROVAL, id, row.org_id, row.id, question.kind, text, hash, args.now, by, expiresAt);
  progress.open.push(id);
  setSessionTimer(change, "approval.expire", id, expiresAt);
  tell(change, "approval.requested", {
    approvalId: id,
    kind: question.kind,
    action: question.action,
    description: question.description,
    contentHash: hash,
    expiresAt: toTimestamp(expiresAt),
    approvers: content.approvers ?? [],
    ...(content.selfApproval === undefined ? {} : { selfApproval: content.selfApproval }),
  });
  if (canMove(change, "ask")) moveSession(change, "ask");
  return id;
}

/** What an agent asks while it works goes to whoever works with it; the runner knows nothing of policies when it hashes that. */
const IS_UNDER_POLICY: Readonly<Record<ApprovalKind, boolean>> = {
  permission: false,
  question: false,
  action: true,
  budget: true,
  gate: true,
};

const SELECT_HEADER = "SELECT header FROM runs WHERE id = ?";

function* ruleOf(row: SessionRow, by: string): Generator<Statement, DecisionRule, unknown> {
  const found = yield* get<Pick<RunRow, "header">>(SELECT_HEADER, row.run_id);
  // Written by createRun.
  const maker = found && (JSON.parse(found.header) as RunHeader).createdBy;
  return yield* ruleFor({
    orgId: row.org_id,
    projectId: row.project_id,
    requesters: maker === undefined ? [by] : [maker, by],
  });
}

/** sha256 in hex over what an approval's content is as canonical JSON. */
export function hashOfApproval(canonical: string): string {
  return createHash("sha256")
    .update(APPROVAL_HASH_PREFIX + canonical)
    .digest("hex");
}

/** An approval by its id. */
export function* findApproval(approvalId: string): Generator<Statement, ApprovalRow | undefined, unknown> {
  return yield* get<ApprovalRow>(SELECT_APPROVAL, approvalId);
}

/** Writes a decision into the row and its session. The caller has seen that the approval is pending. */
export function* closeApproval(
  change: SessionChange,
  approval: ApprovalRow,
  decision: {
    readonly move: keyof (typeof APPROVAL_TRANSITIONS)["pending"];
    readonly now: number;
    readonly actor: Actor;
    readonly reason?: string | undefined;
    readonly answer?: string;
  },
): Generator<Statement, void, unknown> {
  const to = nextState(APPROVAL_TRANSITIONS, approval.state, decision.move);
  if (!to) throw new Error(`approval ${approval.id} is ${approval.state}`);
  const by = `${decision.actor.kind}:${decision.actor.id}`;
  yield* run(DECIDE, to, decision.now, by, decision.reason ?? null, decision.answer ?? null, approval.id);
  change.progress.open = change.progress.open.filter((id) => id !== approval.id);
  const content = JSON.parse(approval.content) as ApprovalContent;
  tell(change, "approval.resolved", {
    approvalId: approval.id,
    kind: approval.kind,
    action: content.action,
    // Nothing leads back to `pending`.
    state: to as Exclude<ApprovalState, "pending">,
    ...(decision.reason === undefined ? {} : { reason: decision.reason }),
  });
  if (change.progress.open.length === 0 && canMove(change, "answer")) moveSession(change, "answer");
}

/** Ends what is still open and fits: what its agent no longer waits for. */
export function* supersedeApprovals(
  change: SessionChange,
  fits: (content: ApprovalContent) => boolean,
  origin: Origin,
): Generator<Statement, void, unknown> {
  if (change.progress.open.length === 0) return;
  for (const approval of yield* all<ApprovalRow>(SELECT_OPEN, change.row.id)) {
    if (!fits(JSON.parse(approval.content) as ApprovalContent)) continue;
    yield* closeApproval(change, approval, { ...origin, move: "supersede" });
  }
}
