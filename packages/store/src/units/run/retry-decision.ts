import { FAILURE_REASONS, type FailureReason, type RetryPolicy } from "@signalbox/protocol";

/** What happens to a step whose attempt ended without success. */
export type RetryDecision = { readonly kind: "final" } | { readonly kind: "retry"; readonly delayMs: number };

/**
 * Whether a step gets another attempt, and after how long. Failures of the work and losses of infrastructure have a
 * budget each; somebody's decision is never tried again. Delays double from `initialDelayMs` up to `maxDelayMs`; the
 * first loss is made good at once.
 */
export function decideRetry(
  policy: RetryPolicy,
  reason: FailureReason,
  counts: { readonly failures: number; readonly losses: number },
): RetryDecision {
  const { kind } = FAILURE_REASONS[reason];
  if (kind === "decision") return { kind: "final" };
  if (kind === "infrastructure") {
    if (counts.losses > policy.maxLost) return { kind: "final" };
    return { kind: "retry", delayMs: counts.losses <= 1 ? 0 : backoff(policy, counts.losses - 1) };
  }
  const isWorthIt = policy.on === undefined || policy.on.includes(reason);
  if (!isWorthIt || counts.failures >= policy.maxAttempts) return { kind: "final" };
  return { kind: "retry", delayMs: backoff(policy, counts.failures) };
}

function backoff(policy: RetryPolicy, times: number): number {
  return Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (times - 1));
}
