/** Something that will happen, unless it is cancelled. */
export interface Timer {
  cancel(): void;
  /** Keeps the process alive until then, which a new timer does not. */
  ref?(): void;
}

/** Time, as it comes into this package; injected so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. It may jump. */
  now(): number;
  /** Calls `fire` once after a delay in milliseconds. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer), ref: () => timer.ref() };
  },
};
