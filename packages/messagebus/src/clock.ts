/** Something that will happen, unless it is cancelled. */
export interface Timer {
  cancel(): void;
  /** Keeps the process alive, which a new timer does not. */
  ref?(): void;
  unref?(): void;
}

/** Time, as it comes into the bus; injected so that a test can move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch; stamped on messages, used for nothing else, so it may jump. */
  now(): number;
  /** Milliseconds since some fixed moment; for deadlines. Never jumps. */
  monotonic(): number;
  /** Calls `fire` once after a delay in milliseconds. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer), ref: () => timer.ref(), unref: () => timer.unref() };
  },
};
