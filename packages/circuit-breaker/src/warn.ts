const PAUSE_MS = 1_000;
const MOST_REMEMBERED = 1_000;

const lastWarnings = new Map<string, number>();

/**
 * Tells of trouble that no listener takes: a process warning (`process.on("warning", …)`, by default printed to standard
 * error) of type `SignalboxCircuitBreakerWarning`, for each breaker and kind at most one a second.
 */
export function warn(breaker: string, trouble: string, error: unknown): void {
  const key = `${breaker} ${trouble}`;
  const nowMs = performance.now();
  const last = lastWarnings.get(key);
  if (last !== undefined && nowMs - last < PAUSE_MS) return;
  if (lastWarnings.size >= MOST_REMEMBERED) lastWarnings.clear();
  lastWarnings.set(key, nowMs);
  process.emitWarning(`circuit breaker ${breaker}: ${trouble}: ${describe(error)}`, {
    type: "SignalboxCircuitBreakerWarning",
    ...(error instanceof Error && error.stack ? { detail: error.stack } : {}),
  });
}

/** The message of whatever was thrown; never throws itself. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "something that cannot be shown";
  }
}
