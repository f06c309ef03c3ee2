import { CircuitOpenError } from "@signalbox/circuit-breaker";
import { BusError } from "@signalbox/messagebus";
import type { BusErrorCode } from "@signalbox/messagebus";

/** What a request can fail with because of the plugin that was asked, and whether asking that one again can help. */
const FAILURES: Partial<Record<BusErrorCode, { readonly isRetryable: boolean }>> = {
  REQUEST_TIMEOUT: { isRetryable: true },
  CONNECTION_LOST: { isRetryable: true },
  NO_RESPONDER: { isRetryable: true },
  REMOTE_ERROR: { isRetryable: false },
};

/** Whether an error says that the plugin did not do its part. What is wrong with the request itself says nothing of it. */
export function isFailureOfPlugin(error: unknown): boolean {
  return error instanceof BusError && FAILURES[error.code] !== undefined;
}

/** Whether the next plugin is to be asked after this error: the one that was asked failed, is spared, or has too much to do. */
export function isReasonForNext(error: unknown): boolean {
  if (error instanceof CircuitOpenError || isFailureOfPlugin(error)) return true;
  return error instanceof BusError && error.code === "OVERLOADED";
}

/**
 * Whether the same plugin is to be asked again. A plugin that does not listen can come back in a moment, so it is waited for,
 * though not while there is another to ask.
 */
export function isWorthRetry(error: unknown, hasNext: boolean): boolean {
  if (!(error instanceof BusError)) return false;
  if (error.code === "NO_RESPONDER" && hasNext) return false;
  return error.code === "OVERLOADED" || FAILURES[error.code]?.isRetryable === true;
}
