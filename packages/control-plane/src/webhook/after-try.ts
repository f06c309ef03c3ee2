import type { DeliveryError, LimitLookup } from "@signalbox/protocol";
import type { TryVerdict } from "@signalbox/store";

import type { PostResult } from "./post-message.ts";

/** What is known when a try is over. */
export interface TryContext {
  /** How many tries there were, this one among them. */
  readonly attempts: number;
  /** From when the delivery's age counts. */
  readonly sinceMs: number;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly limits: LimitLookup;
}

const GONE = 410;

/** What follows from a try: it was taken, it is made again later, or the delivery is given up. */
export function afterTry(result: PostResult, context: TryContext): TryVerdict {
  const { attempts, sinceMs, nowMs, limits } = context;
  const status = result.kind === "answered" ? result.status : null;
  const error = errorOf(result);
  if (error === undefined) return { kind: "accepted", status: status ?? 0 };
  if (status === GONE) return { kind: "given_up", status, error, disable: "the receiver answered 410 Gone" };
  const dueAt = nowMs + waitMs(result, context);
  const isTooLate = attempts >= limits("webhook.tries") || dueAt - sinceMs > limits("webhook.keepTryingMs");
  return isTooLate ? { kind: "given_up", status, error } : { kind: "retry", status, error, dueAt };
}

/**
 * Whether a result says that the receiver is not well. One that answers at once that it does not want this post is, and
 * may want the next.
 */
export function isReceiverFailing(result: PostResult): boolean {
  if (result.kind === "failed") return true;
  return result.status >= 500 || result.status === 408 || result.status === 429;
}

function errorOf(result: PostResult): DeliveryError | undefined {
  if (result.kind === "failed") return result.error;
  if (result.status >= 200 && result.status < 300) return undefined;
  return result.status >= 300 && result.status < 400 ? "redirected" : "status";
}

/** Exponential, drawn evenly from 0 up, so that many that failed together do not come back together; never sooner than asked for. */
function waitMs(result: PostResult, { attempts, random, limits }: TryContext): number {
  const most = limits("webhook.backoffMaxMs");
  const ceiling = Math.min(most, limits("webhook.backoffMs") * 2 ** Math.min(attempts - 1, 40));
  const asked = result.kind === "answered" ? (result.retryAfterMs ?? 0) : 0;
  return Math.round(Math.max(random() * ceiling, Math.min(asked, most)));
}
