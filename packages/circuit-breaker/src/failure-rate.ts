import type { FailureWindow } from "./failure-window.ts";
import { limit } from "./limits.ts";

const BUCKETS = limit("failureRate.buckets");

/** What a `FailureRate` needs to know. */
export interface FailureRateSettings {
  /** Share of failed calls that is too much, above 0 and up to 1; 0: not looked at. */
  readonly failureRate: number;
  /** Fewer calls than these within the window say nothing. */
  readonly minimumCalls: number;
  readonly monitoringWindow: number;
}

/**
 * Too many are failures that make up `failureRate` of at least `minimumCalls` calls. The window is forgotten in ten
 * parts, so that it reaches back between nine and ten tenths of its length, with memory for ten pairs of numbers.
 */
export class FailureRate implements FailureWindow {
  readonly #settings: FailureRateSettings;
  /** Calls and failures of each bucket, side by side. */
  readonly #counts: number[] = Array.from({ length: 2 * BUCKETS }, () => 0);
  /** The bucket of the latest call, counted from the clock's beginning. */
  #latest = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #failures = 0;

  constructor(settings: FailureRateSettings) {
    this.#settings = settings;
  }

  add(hasFailed: boolean, nowMs: number): boolean {
    const place = this.#moveTo(nowMs);
    this.#change(place, 1, hasFailed ? 1 : 0);
    const { failureRate, minimumCalls } = this.#settings;
    return this.#calls >= minimumCalls && this.#failures >= failureRate * this.#calls;
  }

  countFailures(nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#failures;
  }

  /** Forgets the buckets that time has left behind; where the counts of now are. */
  #moveTo(nowMs: number): number {
    const current = Math.max(this.#latest, Math.floor((nowMs * BUCKETS) / this.#settings.monitoringWindow));
    const passed = Math.min(BUCKETS, current - this.#latest);
    for (let bucket = current - passed + 1; bucket <= current; bucket++) {
      const place = placeOf(bucket);
      this.#change(place, -(this.#counts[place] ?? 0), -(this.#counts[place + 1] ?? 0));
    }
    this.#latest = current;
    return placeOf(current);
  }

  #change(place: number, calls: number, failures: number): void {
    this.#counts[place] = (this.#counts[place] ?? 0) + calls;
    this.#counts[place + 1] = (this.#counts[place + 1] ?? 0) + failures;
    this.#calls += calls;
    this.#failures += failures;
  }
}

function placeOf(bucket: number): number {
  return 2 * (((bucket % BUCKETS) + BUCKETS) % BUCKETS);
}
