import { limit } from "./limits.ts";

/** Something that will happen, unless it is cancelled. */
export interface Timer {
  cancel(): void;
}

/** Time, as it comes into this package; injected so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch; for timestamps and what other machines are told, so it may jump. */
  now(): number;
  /** Milliseconds since some fixed moment; for everything that is decided. Should never go back. */
  monotonic(): number;
  /** Calls `fire` once after a delay in milliseconds. Only calls that wait use it: no breaker keeps a timer. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    // A longer one would fire at once.
    const timer = setTimeout(fire, Math.min(delayMs, limit("duration.maxMs")));
    return { cancel: () => clearTimeout(timer) };
  },
};

const LATEST_DATE_MS = 8_640_000_000_000_000;

/**
 * A clock whose `monotonic` never goes back, whatever the given one does: a step back counts as no time, and time goes
 * on from there. What is not a finite number counts as no time either, and what is
 * no date is the beginning of the epoch.
 */
export function steadyClock(clock: Clock): Clock {
  if (clock === systemClock) return clock;
  let seenMs = 0;
  let elapsedMs = 0;
  return {
    now() {
      const readMs = clock.now();
      return Math.abs(readMs) <= LATEST_DATE_MS ? readMs : 0;
    },
    monotonic() {
      const readMs = clock.monotonic();
      if (!Number.isFinite(readMs)) return elapsedMs;
      elapsedMs += Math.max(0, readMs - seenMs);
      seenMs = readMs;
      return elapsedMs;
    },
    setTimer: (delayMs, fire) => clock.setTimer(delayMs, fire),
  };
}
