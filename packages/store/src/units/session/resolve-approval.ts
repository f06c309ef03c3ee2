import {
  APPROVAL_TRANSITIONS,
  canonicalJson,
  nextState,
  SYSTEM_ACTOR,
  type ApprovalContent,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { ApprovalRow } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer } from "../idempotency.ts";
import { closeApproval, findApproval, hashOfApproval, openApproval } from "./approvals.ts";
import { followInRun, followInSession } from "./budgets.ts";
import { awaitSomebody } from "./session-queue.ts";
import {
  command,
  loadSession,
  outcomeOfSession,
  saveSession,
  type SessionChange,
  type SessionOutcome,
} from "./session-change.ts";
import { loadLive, type SessionArgs } from "./session-inputs.ts";

export interface RequestApprovalArgs extends SessionArgs {
  readonly action: string;
  readonly description: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly expiresInMs?: number | undefined;
}

export interface RequestedApproval extends SessionOutcome {
  readonly approvalId: string;
}

/** Asks leave for an action of a session, which waits for the answer. */
export function requestApproval(args: RequestApprovalArgs): Generator<Statement, Answer<RequestedApproval>, unknown> {
  return once(args, request);
}

function* request(args: RequestApprovalArgs): Generator<Statement, RequestedApproval, unknown> {
  const change = yield* loadLive(args);
  const { action, description, context } = args;
  const approvalId = yield* openApproval(
    change,
    { kind: "action", action, description, context, questions: null, origin: null },
    { ...args, expiresInMs: args.expiresInMs ?? change.progress.terms.approvalMs },
  );
  if (approvalId === undefined) {
    throw new UnitRefusal("INVALID_STATE", `too many approvals of session ${change.row.id} wait for an answer`);
  }
  return { ...(yield* saveSession(change, args)), approvalId };
}

export interface ResolveApprovalArgs extends Omit<SessionArgs, "sessionId"> {
  readonly approvalId: string;
  /** When given, the approval must be this session's. */
  readonly sessionId?: string | undefined;
  readonly move: "allow" | "deny" | "expire";
  readonly scope: "once" | "session";
  readonly reason?: string | undefined;
  readonly answers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** When given, the decision counts only for this content. */
  readonly contentHash?: string | undefined;
}

/**
 * Records the first answer to an approval and lets the session go on from it. The same answer again is fine; another one is an
 * `INVALID_STATE` refusal. After its time an approval can only expire, whoever is first to notice; that means no.
 */
export function resolveApproval(args: ResolveApprovalArgs): Generator<Statement, Answer<SessionOutcome>, unknown> {
  return once(args, decide);
}

function* decide(args: ResolveApprovalArgs): Generator<Statement, SessionOutcome, unknown> {
  const approval = yield* findApproval(args.approvalId);
  const isHere =
    approval?.org_id === args.orgId && (args.sessionId === undefined || args.sessionId === approval.session_id);
  if (!approval || !isHere) {
    throw new UnitRefusal("APPROVAL_NOT_FOUND", `there is no approval ${args.approvalId}`, {
      approvalId: args.approvalId,
    });
  }
  if (args.contentHash !== undefined && args.contentHash !== approval.content_hash) {
    throw new UnitRefusal(
      "CONTENT_CHANGED",
      `approval ${approval.id} asks for ${approval.content_hash}, not ${args.contentHash}`,
      { contentHash: approval.content_hash },
    );
  }
  requireUntouched(approval, args.move);
  const change = yield* loadSession(approval.session_id);
  const answer = canonicalJson({ move: args.move, scope: args.scope, answers: args.answers ?? null });
  if (nextState(APPROVAL_TRANSITIONS, approval.state, args.move) === undefined) {
    if (approval.answer === answer) return outcomeOfSession(change);
    throw decided(approval, approval.state, args.move);
  }
  if (args.move !== "expire" && approval.expires_at <= args.now) throw decided(approval, "expired", args.move);

  const actor = args.move === "expire" ? SYSTEM_ACTOR : args.actor;
  yield* closeApproval(change, approval, { ...args, actor, answer });
  yield* follow(change, approval, args);
  // An answer is something that somebody did; and while it was awaited the session could not become inactive.
  awaitSomebody(change, args.now);
  const origin = { now: args.now, actor };
  const outcome = yield* saveSession(change, origin);
  const run = yield* followInRun(change, approval, args.move === "allow", origin);
  return run ? { ...outcome, run } : outcome;
}

/** A yes is to what was asked: a row that somebody has changed since takes none. A no does no harm, and ends it. */
function requireUntouched(approval: ApprovalRow, move: ResolveApprovalArgs["move"]): void {
  const contentHash = hashOfApproval(approval.content);
  if (move !== "allow" || contentHash === approval.content_hash) return;
  throw new UnitRefusal("CONTENT_CHANGED", `approval ${approval.id} was changed since it was asked for`, {
    contentHash,
  });
}

function decided(approval: ApprovalRow, state: string, move: string): UnitRefusal {
  return new UnitRefusal("INVALID_STATE", `approval ${approval.id} is ${state}; that leaves no way to ${move} it`, {
    state,
    move,
  });
}

/** What an answer leads to, by what was asked. */
function* follow(
  change: SessionChange,
  approval: ApprovalRow,
  args: ResolveApprovalArgs,
): Generator<Statement, void, unknown> {
  const content = JSON.parse(approval.content) as ApprovalContent;
  const isYes = args.move === "allow";
  if (content.origin !== null) {
    const reason = args.move === "expire" ? "nobody answered in time" : args.reason;
    command(change, {
      kind: "answer",
      requestId: content.origin.requestId,
      approvalId: approval.id,
      contentHash: approval.content_hash,
      decision: isYes ? "allow" : "deny",
      scope: args.scope,
      ...(reason === undefined ? {} : { reason }),
      ...(args.answers === undefined ? {} : { answers: mutable(args.answers) }),
    });
  } else if (content.kind === "budget") {
    yield* followInSession(change, content, isYes, args);
  }
}

function mutable(answers: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(answers).map(([id, chosen]) => [id, [...chosen]]));
}
