import {
  actorText,
  DEFAULT_APPROVAL_POLICY,
  narrowedApprovers,
  parseActor,
  refusalOfDecision,
  type Actor,
  type ApprovalContent,
  type ApprovalPolicy,
  type Decider,
  type DecisionRefusal,
  type DecisionRule,
  type Scope,
} from "@signalbox/protocol";

import type { ApprovalRow, ProjectRow, TokenRow } from "../../rows.ts";
import { get, type Statement } from "../../unit.ts";

const SELECT_POLICY = "SELECT approvals FROM projects WHERE org_id = ? AND id = ?";

/** What holds in a project for decisions that are asked for now. */
export function readPolicy(approvals: string | null | undefined): ApprovalPolicy {
  // Written by putProject.
  return approvals ? (JSON.parse(approvals) as ApprovalPolicy) : DEFAULT_APPROVAL_POLICY;
}

/** A rule that leaves nothing open. */
type FixedRule = ApprovalPolicy & { readonly requesters: Actor[] };

/** Who may decide something that is asked for now, for its content: whatever the project says later holds for what comes later. */
export function* ruleFor(args: {
  readonly orgId: string;
  readonly projectId: string;
  /** Who asks for it, as words; the same may be named twice. */
  readonly requesters: readonly string[];
  /** Whom the step names that asks. */
  readonly approvers?: readonly string[] | undefined;
}): Generator<Statement, FixedRule, unknown> {
  const row = yield* get<Pick<ProjectRow, "approvals">>(SELECT_POLICY, args.orgId, args.projectId);
  const policy = readPolicy(row?.approvals);
  return {
    approvers: narrowedApprovers(policy.approvers, args.approvers),
    selfApproval: policy.selfApproval,
    // A runner that passes on what its agent asks for wants nothing itself.
    requesters: [...new Set(args.requesters)]
      .map(parseActor)
      .filter(({ kind }) => kind === "token" || kind === "local"),
  };
}

const SELECT_TOKEN = "SELECT * FROM tokens WHERE id = ?";

/**
 * Why a yes that somebody has said does not count any more, or undefined when it does: they must still be there, may still decide,
 * and may decide this. Asked in the commit that acts on the yes.
 */
export function* whyLapsed(
  by: string | null,
  rule: DecisionRule,
  at: { readonly orgId: string; readonly now: number },
): Generator<Statement, DecisionRefusal | undefined, unknown> {
  if (by === null) return forbidden("nobody is known to have said yes");
  const actor = parseActor(by);
  const decider = yield* findDecider(actor, at);
  if (!decider) return forbidden(`${actorText(actor)} is revoked, out of time, or not known`);
  return refusalOfDecision(rule, decider, "allow");
}

const SELECT_APPROVAL = "SELECT content, decided_by FROM approvals WHERE id = ? AND org_id = ?";

/** The same for the yes that an agent waits for. */
export function* whyAnswerLapsed(
  approvalId: string,
  at: { readonly orgId: string; readonly now: number },
): Generator<Statement, DecisionRefusal | undefined, unknown> {
  const row = yield* get<Pick<ApprovalRow, "content" | "decided_by">>(SELECT_APPROVAL, approvalId, at.orgId);
  // Written by openApproval.
  return yield* whyLapsed(row?.decided_by ?? null, row ? (JSON.parse(row.content) as ApprovalContent) : {}, at);
}

function forbidden(message: string): DecisionRefusal {
  return { code: "FORBIDDEN", message };
}

function* findDecider(
  { kind, id }: Actor,
  { orgId, now }: { readonly orgId: string; readonly now: number },
): Generator<Statement, Decider | undefined, unknown> {
  // The program itself holds no token that could end.
  if (kind === "local") return { kind, id, scopes: new Set(["admin"]) };
  if (kind !== "token") return undefined;
  const row = yield* get<TokenRow>(SELECT_TOKEN, id);
  if (!row || row.org_id !== orgId || row.revoked_at !== null || row.plugin_id !== null) return undefined;
  if (row.expires_at !== null && row.expires_at <= now) return undefined;
  return { kind, id, scopes: new Set(JSON.parse(row.scopes) as Scope[]) };
}
