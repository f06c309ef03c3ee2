import type { Approval } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";

import { CommandError } from "../errors.ts";

/**
 * The hash of what was fetched, computed here: a server that shows one thing and hashes another is caught. With `expected`
 * it must be that one too.
 */
export function checkedHash(approval: Approval, expected?: string): string {
  const { approvalId, contentHash } = approval;
  const computed = computedHash(approval);
  if (computed === contentHash && (expected === undefined || expected === computed)) return computed;
  throw new CommandError(
    `approval ${approvalId} does not ask what it was expected to ask (its content has the hash ${computed})`,
    {
      code: "CONTENT_CHANGED",
      hint: "nothing was decided; look at the approval again",
      details: { contentHash: computed, expected: expected ?? contentHash },
    },
  );
}

function computedHash(approval: Approval): string {
  const { orgId, sessionId = "", kind, action, description, context, questions = null, origin = null } = approval;
  const { approvers, selfApproval, requesters } = approval;
  // Who may decide is part of what is asked where a project's policy holds for it.
  const rule = selfApproval === undefined ? {} : { approvers, selfApproval, requesters };
  return hashApprovalContent({
    v: 1,
    orgId,
    sessionId,
    kind,
    action,
    description,
    context,
    questions,
    origin,
    ...rule,
  });
}
