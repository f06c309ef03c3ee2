/** A clock that stands still until a test moves it. Structurally the `Clock` of the control plane. */
export class ManualClock {
  #epochMs: number;
  #elapsedMs = 0;
  #timers: Timer[] = [];
  #timersMade = 0;

  /** Starts at `startMs` since the epoch; by default 2025-01-01T00:00:00Z, so that tests read the same every day. */
  constructor(startMs: number = Date.UTC(2025, 0, 1)) {
    this.#epochMs = startMs;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  /** Milliseconds since the clock was made. */
  monotonic(): number {
    return this.#elapsedMs;
  }

  /** Calls `fire` once, from inside the `advance` that reaches `delayMs` from now. */
  setTimer(delayMs: number, fire: () => void): { cancel(): void } {
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#timersMade++, fire };
    this.#timers.push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  /** How many timers wait to fire. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * Moves time forward and fires what falls due, in order of time and then of setting. While a timer fires, `now()`
   * is the moment that it was due; timers that it sets fire too when they fall within `ms`.
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`a clock moves forward only: advance(${ms})`);
    const endMs = this.#elapsedMs + ms;
    for (let timer = this.#nextDue(endMs); timer; timer = this.#nextDue(endMs)) {
      this.#remove(timer);
      this.#elapsedMs = timer.dueMs;
      timer.fire();
    }
    this.#elapsedMs = endMs;
  }

  #nextDue(endMs: number): Timer | undefined {
    return this.#timers
      .filter((timer) => timer.dueMs <= endMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  }

  #remove(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}
