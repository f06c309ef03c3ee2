import type { Clock } from "../src/index.ts";

/** A clock on which every wait is over at once, and has taken its time. */
export class SkippingClock implements Clock {
  #elapsedMs = 0;
  readonly waits: number[] = [];

  now(): number {
    return Date.UTC(2025, 0, 1) + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): { cancel(): void } {
    let isCancelled = false;
    setImmediate(() => {
      if (isCancelled) return;
      this.#elapsedMs += delayMs;
      this.waits.push(delayMs);
      fire();
    });
    return { cancel: () => (isCancelled = true) };
  }

  /** Lets work take its time. */
  pass(ms: number): void {
    this.#elapsedMs += ms;
  }
}
