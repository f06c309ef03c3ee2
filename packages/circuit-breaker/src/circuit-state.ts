import { FailureRate, type FailureRateSettings } from "./failure-rate.ts";
import { limit } from "./limits.ts";
import { FailureTimes, type FailureWindow } from "./failure-window.ts";

/** What `getState` answers. */
export type CircuitState = keyof typeof CIRCUIT_TRANSITIONS;

/** What moves a circuit. */
export type CircuitEvent =
  | "trip" // too many failures
  | "wait" // `timeout` has passed
  | "recover" // enough probes succeeded
  | "relapse" // a probe failed
  | "stall" // no probe was answered for so long
  | "open" // by hand, or by another process
  | "isolate" // by hand, until it is closed by hand
  | "close"; // by hand, or by another process

/** The life of a circuit: each state, and where each event takes it. No arrow, no move. */
export const CIRCUIT_TRANSITIONS = {
  closed: { trip: "open", open: "open", isolate: "open" },
  open: { wait: "half-open", open: "open", isolate: "open", close: "closed" },
  "half-open": { recover: "closed", relapse: "open", stall: "open", open: "open", isolate: "open", close: "closed" },
} as const satisfies Record<string, Partial<Record<CircuitEvent, string>>>;

/**
 * What a circuit is now. A call remembers the one under which it began, and its result counts for that one only: each
 * move makes a new object, so its identity is the generation.
 */
export type Circuit = ClosedCircuit | OpenCircuit | HalfOpenCircuit;

export interface ClosedCircuit {
  readonly state: "closed";
  /** Made at the first result that it must remember: most breakers never need one. */
  window: FailureWindow | undefined;
}

export interface OpenCircuit {
  readonly state: "open";
  /** Which opening in a row this is, from 1. */
  readonly openings: number;
  /** Monotonic; Infinity while it is held open by hand. */
  readonly untilMs: number;
  readonly reason: string;
}

export interface HalfOpenCircuit {
  readonly state: "half-open";
  readonly openings: number;
  /** Probes whose results are awaited. */
  probes: number;
  successes: number;
  /** When the latest probe was let through. */
  lastProbeMs: number;
}

/** What the moves of a circuit depend on. */
export interface CircuitRules extends FailureRateSettings {
  readonly threshold: number;
  readonly timeout: number;
  readonly timeoutFactor: number;
  readonly maxTimeout: number;
  readonly halfOpenRetries: number;
  readonly halfOpenConcurrency: number;
  readonly halfOpenTimeout: number;
}

/** A new breaker, or one that was reset. */
export function newCircuit(): ClosedCircuit {
  return { state: "closed", window: undefined };
}

/** One step of a circuit, with what the new state must know. */
export interface CircuitMove {
  readonly event: CircuitEvent;
  /** Monotonic. */
  readonly atMs: number;
  /** Why, in words. */
  readonly reason: string;
  /** When an opening ends, where that is known already. */
  readonly untilMs?: number;
}

/** Where a move takes a circuit; undefined where it takes it nowhere. */
export function move(
  circuit: Circuit,
  { event, atMs, reason, untilMs }: CircuitMove,
  rules: CircuitRules,
): Circuit | undefined {
  const arrows: Partial<Record<CircuitEvent, CircuitState>> = CIRCUIT_TRANSITIONS[circuit.state];
  const openings = circuit.state === "closed" ? 0 : circuit.openings;
  switch (arrows[event]) {
    case "closed":
      return newCircuit();
    case "open":
      return {
        state: "open",
        openings: openings + 1,
        untilMs: untilMs ?? endOfOpening(event, openings, atMs, rules),
        reason,
      };
    case "half-open":
      return { state: "half-open", openings, probes: 0, successes: 0, lastProbeMs: atMs };
    case undefined:
    default:
      return undefined;
  }
}

function endOfOpening(event: CircuitEvent, openings: number, atMs: number, rules: CircuitRules): number {
  return event === "isolate" ? Number.POSITIVE_INFINITY : atMs + openFor(openings + 1, rules);
}

/** How long the n-th opening in a row lasts, in milliseconds: `timeout`, growing by its factor up to `maxTimeout`. */
export function openFor(openings: number, { timeout, timeoutFactor, maxTimeout }: CircuitRules): number {
  return Math.min(maxTimeout, timeout * timeoutFactor ** (openings - 1));
}

/** What time alone makes of a circuit by now; the breaker asks when it is used, and needs no timer. */
export function dueMove(circuit: Circuit, nowMs: number, rules: CircuitRules): CircuitMove | undefined {
  if (circuit.state === "open" && nowMs >= circuit.untilMs) {
    return { event: "wait", atMs: circuit.untilMs, reason: "its time to be open is over" };
  }
  if (circuit.state !== "half-open" || hasRoomForProbe(circuit, rules)) return undefined;
  const atMs = circuit.lastProbeMs + rules.halfOpenTimeout;
  if (nowMs < atMs) return undefined;
  return { event: "stall", atMs, reason: `no probe was answered within ${rules.halfOpenTimeout} ms` };
}

/** How long until calls go through again, as far as is known: Infinity while held open, 0 when closed. */
export function retryAfterMs(circuit: Circuit, nowMs: number): number {
  if (circuit.state === "open") return Math.max(0, Math.ceil(circuit.untilMs - nowMs));
  return circuit.state === "closed" ? 0 : limit("halfOpen.retryAfterMs");
}

/** Whether a call may go through: while half-open only as one of so many probes. */
export function isAdmitted(circuit: Circuit, rules: CircuitRules): boolean {
  return circuit.state === "closed" || (circuit.state === "half-open" && hasRoomForProbe(circuit, rules));
}

function hasRoomForProbe(circuit: HalfOpenCircuit, rules: CircuitRules): boolean {
  return circuit.probes < rules.halfOpenConcurrency;
}

/** A call that was admitted begins. */
export function sendProbe(circuit: HalfOpenCircuit, nowMs: number): void {
  circuit.probes++;
  circuit.lastProbeMs = nowMs;
}

/** What a call is told that was not admitted. */
export function whyRefused(circuit: Circuit): string {
  return circuit.state === "open" ? `open: ${circuit.reason}` : "half-open, and its probes are out";
}

/** Takes in the result of a call that began under this circuit, and answers where that moves it. */
export function countResult(
  circuit: Circuit,
  hasFailed: boolean,
  atMs: number,
  rules: CircuitRules,
): CircuitMove | undefined {
  switch (circuit.state) {
    case "closed":
      return hasTooManyFailures(circuit, hasFailed, atMs, rules)
        ? { event: "trip", atMs, reason: whyTripped(rules) }
        : undefined;
    case "half-open":
      if (hasFailed) return { event: "relapse", atMs, reason: "a probe failed" };
      circuit.successes++;
      if (circuit.successes < rules.halfOpenRetries) return undefined;
      return { event: "recover", atMs, reason: `${counted(rules.halfOpenRetries, "probe")} succeeded` };
    case "open":
      // No call begins under an open circuit.
      return undefined;
  }
}

function hasTooManyFailures(circuit: ClosedCircuit, hasFailed: boolean, nowMs: number, rules: CircuitRules): boolean {
  // Only a rate needs to know of successes.
  if (!hasFailed && rules.failureRate === 0) return false;
  circuit.window ??= newWindow(rules);
  return circuit.window.add(hasFailed, nowMs);
}

function newWindow(rules: CircuitRules): FailureWindow {
  return rules.failureRate > 0 ? new FailureRate(rules) : new FailureTimes(rules.threshold, rules.monitoringWindow);
}

function whyTripped({ failureRate, threshold, monitoringWindow }: CircuitRules): string {
  const what = failureRate > 0 ? `a share of ${failureRate} of the calls failed` : counted(threshold, "failure");
  return `${what} within ${monitoringWindow} ms`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
