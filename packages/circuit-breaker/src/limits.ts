interface LimitRow {
  readonly value: number;
  readonly unit: "ms" | "count" | "characters";
  readonly meaning: string;
}

/** Every limit and default of this package, one row each. Where an option can change one, the row is its default. */
export const CIRCUIT_BREAKER_LIMITS = {
  "name.length": { value: 256, unit: "characters", meaning: "the name of a breaker that does not announce" },
  threshold: { value: 5, unit: "count", meaning: "failures within the window that open the circuit" },
  "threshold.max": { value: 10_000, unit: "count", meaning: "highest `threshold`; so many moments are remembered" },
  timeoutMs: { value: 60_000, unit: "ms", meaning: "how long a circuit stays open" },
  timeoutFactor: { value: 2, unit: "count", meaning: "growth of `timeout` per opening in a row, up to `maxTimeout`" },
  "timeoutFactor.max": { value: 100, unit: "count", meaning: "highest `timeoutFactor`" },
  halfOpenRetries: { value: 3, unit: "count", meaning: "successful probes that close the circuit" },
  "halfOpenRetries.max": {
    value: 1_000,
    unit: "count",
    meaning: "highest `halfOpenRetries` and `halfOpenConcurrency`",
  },
  "halfOpen.retryAfterMs": { value: 1_000, unit: "ms", meaning: "what a call is told that comes while probes are out" },
  monitoringWindowMs: { value: 300_000, unit: "ms", meaning: "how long a failure counts" },
  minimumCalls: { value: 10, unit: "count", meaning: "calls within the window before `failureRate` is looked at" },
  "minimumCalls.max": { value: 1_000_000, unit: "count", meaning: "highest `minimumCalls`" },
  "failureRate.buckets": { value: 10, unit: "count", meaning: "parts in which `failureRate` forgets its window" },
  "duration.maxMs": { value: 2_147_483_647, unit: "ms", meaning: "any duration; no timer waits longer" },
  "reason.length": { value: 256, unit: "characters", meaning: "a reason; what is longer is cut" },
  "retry.maxRetries": { value: 3, unit: "count", meaning: "tries after the first" },
  "retry.maxRetries.max": { value: 1_000, unit: "count", meaning: "highest `maxRetries`" },
  "retry.initialDelayMs": { value: 1_000, unit: "ms", meaning: "delay before the first retry, before jitter" },
  "retry.maxDelayMs": { value: 10_000, unit: "ms", meaning: "ceiling of the growing delay" },
  "retry.maxRetryAfterMs": { value: 300_000, unit: "ms", meaning: "longest `Retry-After` that is waited for" },
} as const satisfies Record<string, LimitRow>;

/** The value of a limit. */
export function limit(name: keyof typeof CIRCUIT_BREAKER_LIMITS): number {
  return CIRCUIT_BREAKER_LIMITS[name].value;
}
