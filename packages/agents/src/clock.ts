/** Time as sessions see it; tests pass one that they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that never jumps. */
  monotonic(): number;
  /** Calls `fire` once, `delayMs` from now, unless it is cancelled. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** A timer that is set. Cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** What came first: the value of `work`, or `"late"` when `delayMs` of the clock's time were over before. */
export async function within<Value>(clock: Clock, delayMs: number, work: Promise<Value>): Promise<Value | "late"> {
  let timer: Timer | undefined;
  const late = new Promise<"late">((resolve) => (timer = clock.setTimer(delayMs, () => resolve("late"))));
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

/** Resolves after `delayMs` of the clock's time. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve));
}
