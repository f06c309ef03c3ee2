import { retryDelays } from "@signalbox/circuit-breaker";

/** When a plugin that crashed is started again. Durations are in milliseconds. */
export interface RestartPolicy {
  /** Restarts within the window; after that many the host gives up. 0: it never restarts. */
  readonly restarts: number;
  readonly windowMs: number;
  /** The ceiling of the first delay; it doubles with each restart up to `maxDelayMs`. */
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * How long to wait before a plugin is started again that crashed at these moments, the last of them now; undefined when it has
 * crashed too often. Crashes that are older than the window are forgiven. `random` is in [0, 1).
 */
export function restartDelayMs(
  crashedAtMs: readonly number[],
  policy: RestartPolicy,
  random: number,
): number | undefined {
  const now = crashedAtMs.at(-1) ?? 0;
  const recent = crashedAtMs.filter((at) => now - at < policy.windowMs).length;
  const delays = retryDelays(
    {
      maxRetries: policy.restarts,
      backoff: "exponential",
      initialDelay: policy.initialDelayMs,
      maxDelay: policy.maxDelayMs,
    },
    // Between half and all of the ceiling: a crash that is repeated at once helps nobody.
    () => (1 + random) / 2,
  );
  return delays[recent - 1];
}
