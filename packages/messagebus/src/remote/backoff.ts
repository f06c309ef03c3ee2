/** How long to wait before the next try: full jitter below a ceiling that doubles, so that many clients do not return as one. */
export class Backoff {
  readonly #random: () => number;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #tries = 0;

  /** `random` gives numbers from 0 up to 1. The ceiling begins at `firstMs` and ends at `maxMs`. */
  constructor({ random, firstMs, maxMs }: BackoffSettings) {
    this.#random = random;
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const ceilingMs = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#tries++, 30));
    return this.#random() * ceilingMs;
  }

  /** After a success: the next wait begins from the start. */
  reset(): void {
    this.#tries = 0;
  }
}

export interface BackoffSettings {
  readonly random: () => number;
  readonly firstMs: number;
  readonly maxMs: number;
}
