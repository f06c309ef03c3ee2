import { createToken, revokeToken, touchTokens } from "./access/tokens.ts";
import { forgetAnswers } from "./idempotency.ts";
import { approvePlugin, createPluginToken, revokePlugin } from "./plugin/decide-plugin.ts";
import { registerPlugin } from "./plugin/register-plugin.ts";
import { deleteSecret, putProject, putSecret } from "./project/projects.ts";
import { appendOutput } from "./run/append-output.ts";
import { cancelRun } from "./run/cancel-run.ts";
import { createRun } from "./run/create-run.ts";
import { finishAttempt } from "./run/finish-attempt.ts";
import { leaseAttempt } from "./run/lease-attempt.ts";
import { loseAttempt } from "./run/lose-attempt.ts";
import { reportProgress } from "./run/report-progress.ts";
import { resolveGate } from "./run/resolve-gate.ts";
import { startAttempt } from "./run/start-attempt.ts";
import { beatRunners, changeRunner, silenceRunners } from "./runner/change-runner.ts";
import { createEnrolmentToken, enrolRunner, registerRunner } from "./runner/register-runner.ts";
import { askDiff } from "./session/session-diffs.ts";
import { requestApproval, resolveApproval } from "./session/resolve-approval.ts";
import { reorderInputs, sendInput, withdrawInput } from "./session/session-inputs.ts";
import { noteAgentEnded } from "./session/note-agent-ended.ts";
import { noteActivity } from "./session/note-activity.ts";
import { interruptSession, pauseSession, resumeSession, stopSession } from "./session/steer-session.ts";
import { fireTimer } from "./timer/fire-timer.ts";
import { createWebhook } from "./webhook/create-webhook.ts";
import { redeliver, redeliverFailed, testWebhook } from "./webhook/add-delivery.ts";
import { claimDeliveries } from "./webhook/claim-deliveries.ts";
import { deleteWebhook, disableWebhook, rotateWebhookSecret, updateWebhook } from "./webhook/change-webhook.ts";
import { postponeDelivery, recordTry } from "./webhook/record-try.ts";
import { tidyDeliveries } from "./webhook/tidy-deliveries.ts";

/** Everything that changes what is remembered, by name. The writer thread loads this module itself. */
export const units = {
  createRun,
  leaseAttempt,
  startAttempt,
  reportProgress,
  finishAttempt,
  loseAttempt,
  appendOutput,
  cancelRun,
  resolveGate,
  sendInput,
  withdrawInput,
  reorderInputs,
  interruptSession,
  noteActivity,
  noteAgentEnded,
  pauseSession,
  resumeSession,
  stopSession,
  askDiff,
  requestApproval,
  resolveApproval,
  fireTimer,
  registerRunner,
  enrolRunner,
  createEnrolmentToken,
  changeRunner,
  beatRunners,
  silenceRunners,
  putProject,
  putSecret,
  deleteSecret,
  createToken,
  revokeToken,
  touchTokens,
  registerPlugin,
  approvePlugin,
  revokePlugin,
  createPluginToken,
  forgetAnswers,
  createWebhook,
  updateWebhook,
  disableWebhook,
  deleteWebhook,
  rotateWebhookSecret,
  testWebhook,
  redeliver,
  redeliverFailed,
  claimDeliveries,
  recordTry,
  postponeDelivery,
  tidyDeliveries,
} as const;
export type SignalboxUnits = typeof units;
