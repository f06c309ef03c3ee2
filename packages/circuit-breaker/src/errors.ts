/** What this package can refuse with, and whether the same call can succeed later. */
export const CIRCUIT_BREAKER_ERRORS = {
  CIRCUIT_OPEN: { isRetryable: true },
  INVALID_OPTION: { isRetryable: false },
  SLOW_CALL: { isRetryable: true },
  FAILED_RESULT: { isRetryable: true },
  RETRY_TIMEOUT: { isRetryable: false },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** The `code` of a `CircuitBreakerError`. */
export type CircuitBreakerErrorCode = keyof typeof CIRCUIT_BREAKER_ERRORS;

/** A refusal of this package. `code` tells which, `isRetryable` whether the same call can succeed later. */
export abstract class CircuitBreakerError extends Error {
  readonly code: CircuitBreakerErrorCode;
  readonly isRetryable: boolean;

  constructor(code: CircuitBreakerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.isRetryable = CIRCUIT_BREAKER_ERRORS[code].isRetryable;
  }
}

/** The circuit is open, or half-open with all its probes out: the work was not begun. */
export class CircuitOpenError extends CircuitBreakerError {
  override readonly name = "CircuitOpenError";
  /** The name of the breaker. */
  readonly breaker: string;
  /** When to come again, in milliseconds from then; Infinity while the circuit is held open by hand. */
  readonly retryAfterMs: number;

  constructor(breaker: string, why: string, retryAfterMs: number) {
    super("CIRCUIT_OPEN", `circuit ${breaker} is ${why}`);
    this.breaker = breaker;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An option, a name or an argument that cannot be. The message says which, what came and what is wanted. */
export class InvalidOptionError extends CircuitBreakerError {
  override readonly name = "InvalidOptionError";

  constructor(message: string) {
    super("INVALID_OPTION", message);
  }
}

/** The work took longer than `slowCallMs`. Where such calls are aborted it is what the call fails with. */
export class SlowCallError extends CircuitBreakerError {
  override readonly name = "SlowCallError";
  readonly limitMs: number;

  constructor(limitMs: number) {
    super("SLOW_CALL", `the work took longer than ${limitMs} ms`);
    this.limitMs = limitMs;
  }
}

/** The work resolved, and `isFailureResult` says that it failed. Only fallbacks and events get it. */
export class FailedResultError extends CircuitBreakerError {
  override readonly name = "FailedResultError";
  /** What the work resolved to. */
  readonly result: unknown;

  constructor(result: unknown) {
    super("FAILED_RESULT", "the work resolved to a value that counts as a failure");
    this.result = result;
  }
}

/** `maxTotalTime` of a retry was over while the work was still running. `cause` is how the try before it failed. */
export class RetryTimeoutError extends CircuitBreakerError {
  override readonly name = "RetryTimeoutError";
  /** Tries that were begun. */
  readonly attempts: number;

  constructor(limitMs: number, attempts: number, options?: ErrorOptions) {
    super("RETRY_TIMEOUT", `not done within ${limitMs} ms and ${attempts} tries`, options);
    this.attempts = attempts;
  }
}

// Under frozen intrinsics the limit cannot be set, and stacks are taken.
const canSkipStack = Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

/**
 * A refusal without a stack. Taking one costs several times what the rest of a refused call does, just when a caller
 * hammers on; and it would say nothing that the name of the breaker does not.
 */
export function newCircuitOpenError(breaker: string, why: string, retryAfterMs: number): CircuitOpenError {
  if (!canSkipStack) return new CircuitOpenError(breaker, why, retryAfterMs);
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new CircuitOpenError(breaker, why, retryAfterMs);
  Error.stackTraceLimit = before;
  return error;
}
