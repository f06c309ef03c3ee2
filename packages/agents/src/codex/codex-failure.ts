import * as z from "zod";

import type { AgentFailure } from "../agent-event.ts";
import { failureOfStatus } from "../http-failure.ts";
import { lookUp } from "../look-up.ts";

/** How a codex turn says that it failed. */
export const CodexTurnErrorSchema = z.object({
  message: z.string(),
  codexErrorInfo: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  additionalDetails: z.string().nullish(),
});
export type CodexTurnError = z.infer<typeof CodexTurnErrorSchema>;

/** A failed turn in our words. Pure. */
export function codexFailure(error: CodexTurnError): AgentFailure {
  const { kind, httpStatus } = kindOf(error.codexErrorInfo);
  // A stream that was cut has no kind of its own.
  const isCut = kind === "other" && error.message.startsWith("stream disconnected");
  const ofLine = isCut || CONNECTIONS.has(kind) ? failureOfStatus(httpStatus) : undefined;
  const { code, isRetryable } = ofLine ?? lookUp(KINDS, kind) ?? UNKNOWN;
  const message = [error.message, error.additionalDetails].filter(Boolean).join(": ");
  return { code, message, isRetryable, ...(httpStatus === undefined ? {} : { httpStatus }) };
}

type Meaning = Pick<AgentFailure, "code" | "isRetryable">;

/** Those that are told apart by the status that came with them. */
const CONNECTIONS: ReadonlySet<string> = new Set([
  "httpConnectionFailed",
  "responseStreamConnectionFailed",
  "responseStreamDisconnected",
  "responseTooManyFailedAttempts",
]);

const UNKNOWN: Meaning = { code: "agent_error", isRetryable: false };

/** What codex calls the others. */
const KINDS: Readonly<Record<string, Meaning>> = {
  contextWindowExceeded: { code: "context_exceeded", isRetryable: false },
  sessionBudgetExceeded: { code: "usage_limit", isRetryable: false },
  usageLimitExceeded: { code: "usage_limit", isRetryable: false },
  rateLimitExceeded: { code: "rate_limited", isRetryable: true },
  flexUnavailable: { code: "overloaded", isRetryable: true },
  serverOverloaded: { code: "overloaded", isRetryable: true },
  policyCapacityUnavailable: { code: "overloaded", isRetryable: true },
  modelNotFound: { code: "invalid_request", isRetryable: false },
  badRequest: { code: "invalid_request", isRetryable: false },
  unauthorized: { code: "authentication", isRetryable: false },
  internalServerError: { code: "server_error", isRetryable: true },
  cyberPolicy: { code: "refused", isRetryable: false },
  misalignmentPolicyViolation: { code: "refused", isRetryable: false },
  inferenceHookDenied: { code: "refused", isRetryable: false },
  tooManyDenials: { code: "refused", isRetryable: false },
};

/** `"kind"`, or `{ kind: { httpStatusCode } }`. */
function kindOf(info: CodexTurnError["codexErrorInfo"]): { kind: string; httpStatus: number | undefined } {
  if (info === null || info === undefined) return { kind: "other", httpStatus: undefined };
  if (typeof info === "string") return { kind: info, httpStatus: undefined };
  const [[kind, details] = ["other", undefined]] = Object.entries(info);
  const status = DetailsSchema.safeParse(details).data?.httpStatusCode;
  return { kind, httpStatus: status ?? undefined };
}

const DetailsSchema = z.object({ httpStatusCode: z.int().nullish() });
