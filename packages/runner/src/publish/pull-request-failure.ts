import type { FailureReason } from "@signalbox/protocol";

import { StepError } from "../supervisor/step-error.ts";

/** How a host can refuse, what the step's failure is then, and whether another try can help. */
const KINDS = {
  PR_AUTH: { reason: "permission_error", isPassing: false, meaning: "the host does not take the token" },
  PR_FORBIDDEN: { reason: "permission_error", isPassing: false, meaning: "the token does not allow this" },
  PR_NOT_FOUND: {
    reason: "missing_dependency",
    isPassing: false,
    meaning: "the host has no such repository, or does not show it to this token",
  },
  PR_RATE_LIMITED: { reason: "tool_failure", isPassing: true, meaning: "the host wants to be left alone for a while" },
  PR_UNAVAILABLE: { reason: "tool_failure", isPassing: true, meaning: "the host does not answer as it should" },
  PR_REFUSED: { reason: "tool_failure", isPassing: false, meaning: "the host refuses it" },
} as const satisfies Record<
  string,
  { readonly reason: FailureReason; readonly isPassing: boolean; readonly meaning: string }
>;
export type PullRequestFailureKind = keyof typeof KINDS;

/** A pull request was not opened; the message begins with the kind and ends with the host's words. */
export class PullRequestFailure extends StepError {
  readonly kind: PullRequestFailureKind;
  /** Whether another try can help. */
  readonly isPassing: boolean;
  /** How long the host asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: PullRequestFailureKind,
    words: string,
    more: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    const { reason, isPassing, meaning } = KINDS[kind];
    super(reason, `${kind}: ${meaning}${words === "" ? "" : `: ${words}`}`.slice(0, 2_000), more.cause);
    this.kind = kind;
    this.isPassing = isPassing;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** What an answer without success means. Pure. */
export function kindOfAnswer(status: number, headers: Headers): PullRequestFailureKind {
  if (status === 401) return "PR_AUTH";
  if (status === 429 || (status === 403 && isLimited(headers))) return "PR_RATE_LIMITED";
  if (status === 403) return "PR_FORBIDDEN";
  if (status === 404) return "PR_NOT_FOUND";
  return status >= 500 ? "PR_UNAVAILABLE" : "PR_REFUSED";
}

function isLimited(headers: Headers): boolean {
  return headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0";
}

/** How long an answer asks to wait: in seconds, or until a second of the clock. Pure. */
export function retryAfterOf(headers: Headers, nowMs: number): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (seconds >= 0) return seconds * 1_000;
  const resetAt = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  return resetAt >= 0 && isLimited(headers) ? Math.max(0, resetAt * 1_000 - nowMs) : undefined;
}
