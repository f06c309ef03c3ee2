import type { CircuitEvent, CircuitState } from "./circuit-state.ts";

/** A move of a circuit, as events and announcements tell it. */
export interface StateChange {
  /** The name of the breaker. */
  readonly name: string;
  readonly state: CircuitState;
  readonly previous: CircuitState;
  /** When it was noticed: ISO 8601 in UTC. What time alone does is noticed when the breaker is next used or asked. */
  readonly timestamp: string;
  readonly event: CircuitEvent;
  /** Why, in words. */
  readonly reason: string;
  /** `elsewhere`: another process with which the state is shared made the change, and this one follows. */
  readonly origin: "here" | "elsewhere";
  /** When open: how long until probes are let through, in milliseconds. Absent while it is held open by hand. */
  readonly retryAfterMs?: number | undefined;
}

/** A call of which the service did its part. */
export interface CallSucceeded {
  readonly name: string;
  /** The state that the call began under. */
  readonly state: CircuitState;
  readonly durationMs: number;
  /** Present where the work failed with an error that `isFailure` does not count. */
  readonly error?: unknown;
}

/** A call that counts as failed. */
export interface CallFailed {
  readonly name: string;
  readonly state: CircuitState;
  readonly durationMs: number;
  /** What the work threw, or a SlowCallError or FailedResultError that says why it counts. */
  readonly error: unknown;
}

/** A call whose work was not begun. */
export interface CallRefused {
  readonly name: string;
  readonly state: CircuitState;
  readonly retryAfterMs: number;
}

/** A fallback that answers instead of the work. */
export interface FallbackUsed {
  readonly name: string;
  /** What the fallback was given. */
  readonly error: unknown;
}

/** Something beside the calls that did not work; calls do not notice. */
export interface Trouble {
  readonly name: string;
  readonly error: unknown;
}

/** What a breaker tells. */
export interface CircuitBreakerEvents extends TroubleEvents {
  /** The circuit opened: calls are refused. */
  opened: StateChange;
  /** The circuit lets probes through. */
  "half-opened": StateChange;
  /** The circuit closed: calls go through. */
  closed: StateChange;
  /** A call ended, and the service did its part. */
  succeeded: CallSucceeded;
  /** A call ended and counts as failed. */
  failed: CallFailed;
  /** A call was refused, since the circuit is open or its probes are out. */
  refused: CallRefused;
  /** A fallback was called. */
  "fallback-used": FallbackUsed;
}

/** What goes wrong beside the calls. Where nobody listens it is a process warning. */
export interface TroubleEvents {
  /** A change could not be published on the bus. */
  "announcement-failed": Trouble;
  /** The state could not be read from or written to where it is shared. */
  "sharing-failed": Trouble;
  /** A listener threw or rejected. */
  "listener-failed": Trouble;
}
