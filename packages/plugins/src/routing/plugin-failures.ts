import type { CircuitBreakerErrorCode } from "@signalbox/circuit-breaker";
import type { BusErrorCode } from "@signalbox/messagebus";

interface Failure {
  /** Whether it says that the plugin did not do its part; the breaker counts it then. */
  readonly isOfPlugin: boolean;
  /** Whether asking the same plugin again can help. */
  readonly isRetryable: boolean;
}

/**
 * What a request can fail with so that another plugin is asked. Anything else is the matter of the request or of this process,
 * and no other plugin would fare better.
 */
const FAILURES: Partial<Record<BusErrorCode | CircuitBreakerErrorCode, Failure>> = {
  REQUEST_TIMEOUT: { isOfPlugin: true, isRetryable: true },
  CONNECTION_LOST: { isOfPlugin: true, isRetryable: true },
  NO_RESPONDER: { isOfPlugin: true, isRetryable: true },
  REMOTE_ERROR: { isOfPlugin: true, isRetryable: false },
  OVERLOADED: { isOfPlugin: false, isRetryable: true },
  CIRCUIT_OPEN: { isOfPlugin: false, isRetryable: false },
};

/** Whether an error says that the plugin did not do its part. */
export function isFailureOfPlugin(error: unknown): boolean {
  return failureOf(error)?.isOfPlugin === true;
}

/** Whether the next plugin is to be asked after this error. */
export function isReasonForNext(error: unknown): error is Error {
  return failureOf(error) !== undefined;
}

/**
 * Whether the same plugin is to be asked again. A plugin that does not listen can come back in a moment, so it is waited for,
 * though not while there is another to ask.
 */
export function isWorthRetry(error: unknown, hasNext: boolean): boolean {
  const isAway = error instanceof Error && "code" in error && error.code === "NO_RESPONDER";
  return failureOf(error)?.isRetryable === true && !(isAway && hasNext);
}

/** By its code, which holds over two loaded copies of the bus as well. */
function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const failures: Readonly<Record<string, Failure>> = FAILURES;
  return typeof error.code === "string" && Object.hasOwn(failures, error.code) ? failures[error.code] : undefined;
}
