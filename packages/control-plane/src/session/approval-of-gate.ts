import type { Approval, ApprovalState, Gate, GateState } from "@signalbox/protocol";

const STATES: Readonly<Record<GateState, ApprovalState>> = {
  pending: "pending",
  approved: "allowed",
  denied: "denied",
  expired: "expired",
  superseded: "superseded",
};

/** A gate of a run as it stands among the approvals: what it guards is what it lets happen. Pure. */
export function approvalOfGate({ content, ...gate }: Gate): Approval {
  return {
    approvalId: gate.id,
    orgId: content.orgId,
    runId: gate.runId,
    kind: "gate",
    action: gate.step,
    description: content.description,
    context: {
      guards: content.guards,
      ...(content.changes ? { changes: content.changes } : {}),
      ...(content.again === undefined ? {} : { again: content.again }),
    },
    state: STATES[gate.status],
    contentHash: gate.contentHash,
    requestedAt: gate.requestedAt,
    expiresAt: gate.expiresAt,
    approvers: content.approvers,
    ...(content.selfApproval === undefined ? {} : { selfApproval: content.selfApproval }),
    ...(content.requesters === undefined ? {} : { requesters: content.requesters }),
    ...(gate.decidedAt === undefined ? {} : { decidedAt: gate.decidedAt }),
    ...(gate.decidedBy === undefined ? {} : { decidedBy: gate.decidedBy }),
    ...(gate.note === undefined ? {} : { reason: gate.note }),
  };
}
