/** Something that will happen, unless it is cancelled. */
export interface Timer {
  cancel(): void;
}

/** Time, as it comes into everything that needs it. */
export interface Clock {
  /** Milliseconds since the epoch. Never jumps while the process lives, whatever is done to the machine's clock. */
  now(): number;
  /** Milliseconds since some fixed moment; for durations. */
  monotonic(): number;
  /** Calls `fire` once after a delay in milliseconds. Does not keep the process alive. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

const MAX_DELAY_MS = 2_147_483_647;

/** The machine's clock, read once at start and counted on from there by the monotonic clock. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
