import * as z from "zod";

/** Why a session ended: a closed list. */
export const SESSION_END_REASONS = {
  finished: "The agent did what was asked.",
  closed: "Somebody ended it while the agent had nothing to do.",
  stopped: "Somebody stopped it in the middle of its work.",
  cancelled: "The run that it worked for was cancelled.",
  agent_failed: "The agent reported that it failed.",
  agent_crashed: "The agent's process ended in the middle of a turn.",
  agent_silent: "The agent did not shake hands in time.",
  protocol_error: "What the agent said made no sense, too often.",
  provider_unavailable: "The agent is not installed, or not configured, on its runner.",
  approval_expired: "Nobody answered an approval in time, and the agent could not go on without it.",
  budget_exhausted: "Its budget was used up.",
  timed_out: "Its time was over.",
  inactive: "Nobody had anything for it to do for too long.",
  runner_lost: "Its runner was lost, too often.",
  step_failed: "The step around it failed: workspace, sandbox or policy.",
} as const satisfies Record<string, string>;
export const SessionEndReasonSchema = z.enum(
  Object.keys(SESSION_END_REASONS) as [SessionEndReason, ...SessionEndReason[]],
);
export type SessionEndReason = keyof typeof SESSION_END_REASONS;
