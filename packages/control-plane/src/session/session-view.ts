import {
  parseActor,
  type AgentInputs,
  type Approval,
  type ApprovalContent,
  type Repository,
  type Session,
  toTimestamp,
} from "@signalbox/protocol";
import { titleOf, type ApprovalRow, type SessionProgress, type SessionRow } from "@signalbox/store";

/** A stored session as callers see it, with the approvals that wait for an answer. */
export function toSession(
  row: SessionRow,
  {
    step,
    repo,
    open,
  }: { readonly step: string; readonly repo: Repository | null; readonly open: readonly ApprovalRow[] },
): Session {
  // Both were written from values of these types.
  const inputs = JSON.parse(row.inputs) as AgentInputs;
  const progress = JSON.parse(row.progress) as SessionProgress;
  const { agentEndedAt: endedAt = null } = progress;
  return defined({
    sessionId: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    providerId: row.provider,
    model: progress.model ?? inputs.model,
    title: inputs.title ?? titleOf(inputs.task),
    task: inputs.task,
    mode: inputs.mode,
    state: row.state,
    // Before its end it is only why it is about to end.
    reason: row.ended_at === null ? undefined : (progress.reason ?? undefined),
    message: row.ended_at === null ? undefined : (progress.message ?? undefined),
    repo: repo ?? undefined,
    runId: row.run_id,
    step,
    attemptId: progress.attemptId ?? undefined,
    runnerId: progress.runnerId ?? undefined,
    nativeSessionId: progress.nativeSessionId ?? undefined,
    resumed: progress.resumed ?? undefined,
    resumeFailure: progress.resumeFailure ?? undefined,
    isWorking: progress.isWorking && endedAt === null,
    agentEndedAt: endedAt === null ? undefined : toTimestamp(endedAt),
    turns: progress.turns,
    hasTerminal: progress.hasTerminal,
    queue: progress.queue.map(({ inputId, text, delivery, queuedAt }) => ({
      inputId,
      text,
      state: "queued",
      delivery,
      queuedAt: toTimestamp(queuedAt),
    })),
    pendingApprovals: open.map(toApproval),
    usage: progress.usage,
    budget: progress.budget ?? undefined,
    changes: progress.diff?.stats,
    lastSeq: row.last_seq,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(progress.updatedAt),
    startedAt: progress.startedAt === null ? undefined : toTimestamp(progress.startedAt),
    endedAt: row.ended_at === null ? undefined : toTimestamp(row.ended_at),
    forgottenAt: row.ended_at === null ? undefined : toTimestamp(row.ended_at + progress.terms.dataTtlMs),
  });
}

/** A stored approval as callers see it. */
export function toApproval(row: ApprovalRow): Approval {
  // Written by the unit that opened it.
  const content = JSON.parse(row.content) as ApprovalContent;
  return defined({
    approvalId: row.id,
    orgId: row.org_id,
    sessionId: row.session_id,
    kind: row.kind,
    action: content.action,
    description: content.description,
    context: content.context,
    questions: content.questions ?? undefined,
    origin: content.origin ?? undefined,
    state: row.state,
    contentHash: row.content_hash,
    requestedAt: toTimestamp(row.requested_at),
    requestedBy: parseActor(row.requested_by),
    expiresAt: toTimestamp(row.expires_at),
    approvers: content.approvers ?? [],
    selfApproval: content.selfApproval,
    requesters: content.requesters,
    decidedAt: row.decided_at === null ? undefined : toTimestamp(row.decided_at),
    decidedBy: row.decided_by === null ? undefined : parseActor(row.decided_by),
    reason: row.reason ?? undefined,
  });
}

/** Leaves out what is undefined, as JSON would. */
function defined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
