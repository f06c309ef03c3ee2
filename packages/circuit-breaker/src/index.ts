export type { AnnouncementBus } from "./announce.ts";
export type { ExecuteOptions, Fallback } from "./call.ts";
export { CircuitBreaker } from "./circuit-breaker.ts";
export { CIRCUIT_TRANSITIONS, type CircuitEvent, type CircuitState } from "./circuit-state.ts";
export type { Clock, Timer } from "./clock.ts";
export {
  CIRCUIT_BREAKER_ERRORS,
  CircuitBreakerError,
  CircuitOpenError,
  FailedResultError,
  InvalidOptionError,
  RetryTimeoutError,
  SlowCallError,
  type CircuitBreakerErrorCode,
} from "./errors.ts";
export type {
  CallFailed,
  CallRefused,
  CallSucceeded,
  CircuitBreakerEvents,
  FallbackUsed,
  StateChange,
  Trouble,
} from "./events.ts";
export { CIRCUIT_BREAKER_LIMITS } from "./limits.ts";
export { retry, type RetryContext, type RetryNotice, type RetryOptions } from "./retry.ts";
export { retryDelays, type RetryPolicy } from "./retry-delays.ts";
export type { CallContext, Work } from "./run-work.ts";
export type { CircuitBreakerOptions } from "./settings.ts";
export { shareThrough, type RegisterStore, type SharedBreakerState, type SharedCircuit } from "./shared-state.ts";
export type { CircuitBreakerStats } from "./stats.ts";
