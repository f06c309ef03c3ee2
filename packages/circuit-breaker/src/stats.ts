import type { CircuitState } from "./circuit-state.ts";

/** What a breaker has seen since it was made or reset. */
export interface CircuitBreakerStats {
  readonly state: CircuitState;
  /** Calls whose work was begun. */
  readonly calls: number;
  /** Of these, calls that have not ended. */
  readonly inFlight: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Calls that their callers gave up. */
  readonly aborted: number;
  /** Calls whose work was not begun, since the circuit was open or its probes out. */
  readonly refused: number;
  /** Calls that a fallback answered, or tried to. */
  readonly fallbacks: number;
  /** Failures that count towards the opening of a closed circuit. */
  readonly recentFailures: number;
  /** What a refused call would be told, in milliseconds; Infinity while the circuit is held open, 0 when it is closed. */
  readonly retryAfterMs: number;
}
