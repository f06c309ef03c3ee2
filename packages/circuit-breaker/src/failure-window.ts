/** Which of the last calls failed, as far as it matters; told the time, so that it has none of its own. */
export interface FailureWindow {
  /** Takes in how a call ended. True when the failures within the window are now too many. */
  add(hasFailed: boolean, nowMs: number): boolean;
  /** Failures within the window. */
  countFailures(nowMs: number): number;
}

/** Too many are `size` failures that are younger than `windowMs`: only the moments of the last `size` matter. */
export class FailureTimes implements FailureWindow {
  readonly #size: number;
  readonly #windowMs: number;
  /** A ring: the next failure replaces the oldest. */
  readonly #times: number[] = [];
  #next = 0;

  constructor(size: number, windowMs: number) {
    this.#size = size;
    this.#windowMs = windowMs;
    // Room for a small ring exactly, where an array that grows takes several times that. A large ring grows as it fills.
    if (size <= 64) this.#times.length = size;
  }

  add(hasFailed: boolean, nowMs: number): boolean {
    if (!hasFailed) return false;
    this.#times[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#size;
    const oldest = this.#times[this.#next];
    return oldest !== undefined && nowMs - oldest < this.#windowMs;
  }

  countFailures(nowMs: number): number {
    return this.#times.filter((time) => time !== undefined && nowMs - time < this.#windowMs).length;
  }
}
