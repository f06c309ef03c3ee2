import { checkOptions, CLOCK, DURATION, show, type OptionRule } from "./check-options.ts";
import { steadyClock, systemClock, type Clock } from "./clock.ts";
import { CircuitOpenError, InvalidOptionError, RetryTimeoutError } from "./errors.ts";
import { limit } from "./limits.ts";
import { pause } from "./pause.ts";
import { findRetryAfterMs } from "./retry-after.ts";
import { retryDelayMs, type RetryPolicy } from "./retry-delays.ts";
import { runWork, type CallContext, type Outcome } from "./run-work.ts";

/** What the work is given. */
export interface RetryContext extends CallContext {
  /** Which try this is, from 1. */
  readonly attempt: number;
}

/** A try that failed and will be followed by another. */
export interface RetryNotice {
  /** Which try failed, from 1. */
  readonly attempt: number;
  /** What it threw; undefined where its value is to be tried again. */
  readonly error: unknown;
  /** How long until the next try, in milliseconds. */
  readonly delayMs: number;
}

/** How `retry` goes about it. Durations are in milliseconds. */
export interface RetryOptions<Value = unknown> extends RetryPolicy {
  /** Which errors are worth another try. Default: all but those that say of themselves that they are not (`isRetryable` or `retryable` false). */
  readonly isRetryable?: ((error: unknown) => boolean) | undefined;
  /** Which values are worth another try, such as a Response with 503. Default: none is. The last one is returned. */
  readonly isRetryableResult?: ((result: Value) => boolean) | undefined;
  /** What to do when the work is refused with a CircuitOpenError: `fail`, the default, or `wait` as long as it says and try again. */
  readonly whenOpen?: "fail" | "wait" | undefined;
  /** A longer `Retry-After` is cut to this; a circuit that is open for longer is not waited for. Default 300,000. */
  readonly maxRetryAfter?: number | undefined;
  /** From the first try to the last: a wait that would pass it is not begun, work that passes it is aborted. Default Infinity. */
  readonly maxTotalTime?: number | undefined;
  /** Gives up: `retry` rejects with the reason at once, while waiting and while working. */
  readonly signal?: AbortSignal | undefined;
  /** Is told before each wait. */
  readonly onRetry?: ((notice: RetryNotice) => void) | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** In [0, 1). Default Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * Runs work until it succeeds, and resolves to its value. Rejects with the last try's own error when the retries are used
 * up or the error is not worth one, with a RetryTimeoutError when `maxTotalTime` ends a try, with the signal's reason when
 * that is aborted, and with an InvalidOptionError when an option cannot be. Waits at least as long as a `Retry-After` asks.
 */
export async function retry<Value>(
  work: (context: RetryContext) => Value | PromiseLike<Value>,
  options: RetryOptions<Value> = {},
): Promise<Value> {
  checkRetry(work, options);
  const { signal, maxTotalTime = Number.POSITIVE_INFINITY } = options;
  const clock = steadyClock(options.clock ?? systemClock);
  const endMs = clock.monotonic() + maxTotalTime;
  let lastError: unknown;
  signal?.throwIfAborted();
  for (let attempt = 1; ; attempt++) {
    const limitMs = endMs - clock.monotonic();
    const timeout = () => new RetryTimeoutError(maxTotalTime, attempt, { cause: lastError });
    const attempted = (context: CallContext) => work({ signal: context.signal, attempt });
    const outcome = await runWork(attempted, { signal, limitMs, whenTooSlow: timeout, clock });
    if (outcome.kind === "too-slow") throw timeout();
    const delayMs = delayBeforeNext(outcome, attempt, options, clock.now());
    if (delayMs === undefined || clock.monotonic() + delayMs >= endMs) return conclude(outcome);
    lastError = outcome.kind === "error" ? outcome.error : undefined;
    options.onRetry?.({ attempt, error: lastError, delayMs });
    await pause(clock, delayMs, signal);
  }
}

type Ended<Value> = Exclude<Outcome<Value>, { kind: "too-slow" }>;

/** How long to wait before the next try; undefined where there is to be none. */
function delayBeforeNext<Value>(
  outcome: Ended<Value>,
  attempt: number,
  options: RetryOptions<Value>,
  nowMs: number,
): number | undefined {
  if (outcome.kind === "aborted" || attempt > (options.maxRetries ?? limit("retry.maxRetries"))) return undefined;
  const longestMs = options.maxRetryAfter ?? limit("retry.maxRetryAfterMs");
  const source = outcome.kind === "error" ? outcome.error : outcome.value;
  const askedMs = findRetryAfterMs(source, nowMs) ?? 0;
  if (source instanceof CircuitOpenError) {
    if (options.whenOpen !== "wait" || askedMs > longestMs) return undefined;
  } else if (!isWorthAnother(outcome, options)) return undefined;
  // Jitter comes on top: those who were asked to wait together do not come back together.
  return Math.min(askedMs, longestMs) + retryDelayMs(options, attempt, options.random ?? Math.random);
}

function isWorthAnother<Value>(outcome: Ended<Value>, options: RetryOptions<Value>): boolean {
  if (outcome.kind === "value") return options.isRetryableResult?.(outcome.value) ?? false;
  return outcome.kind === "error" && (options.isRetryable ?? saysItIsRetryable)(outcome.error);
}

function saysItIsRetryable(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return true;
  const { isRetryable, retryable } = error as { isRetryable?: unknown; retryable?: unknown };
  return isRetryable !== false && retryable !== false;
}

function conclude<Value>(outcome: Ended<Value>): Value {
  if (outcome.kind === "value") return outcome.value;
  // oxlint-disable-next-line typescript/only-throw-error -- whatever the work threw is its caller's
  throw outcome.kind === "error" ? outcome.error : outcome.reason;
}

const RULES = {
  maxRetries: { kind: "number", least: 0, most: limit("retry.maxRetries.max"), isWhole: true },
  backoff: { kind: "choice", choices: ["exponential", "fixed"] },
  initialDelay: { ...DURATION, least: 0 },
  maxDelay: { ...DURATION, least: 0 },
  jitter: { kind: "choice", choices: ["full", "none"] },
  isRetryable: { kind: "function" },
  isRetryableResult: { kind: "function" },
  whenOpen: { kind: "choice", choices: ["fail", "wait"] },
  maxRetryAfter: { ...DURATION, least: 0 },
  maxTotalTime: { ...DURATION, isEndlessAllowed: true },
  signal: { kind: "object", methods: ["addEventListener", "throwIfAborted"] },
  onRetry: { kind: "function" },
  clock: CLOCK,
  random: { kind: "function" },
} as const satisfies Record<keyof RetryOptions, OptionRule>;

function checkRetry(work: unknown, options: object): void {
  if (typeof work !== "function") throw new InvalidOptionError(`retry takes a function, not ${show(work)}`);
  checkOptions("retry", options, RULES);
}
