/** Why an attempt is stopped before it has come to its end. */
export type StopCause = "cancel" | "abort" | "timeout" | "lease" | "leaving" | "tool" | "fenced";

/** Stops one attempt. The first cause is the one that is reported; being fenced overrides all, for then nothing is. */
export class StopSwitch {
  readonly #controller = new AbortController();
  readonly #listeners = new Set<(graceMs: number) => void>();
  #cause: StopCause | undefined;
  #graceMs = Number.POSITIVE_INFINITY;

  /** Aborted with the first stop: for waits, requests and reads. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cause(): StopCause | undefined {
    return this.#cause;
  }

  /** Asks all that runs to end within `graceMs`; 0 kills. May be called again with less patience. */
  stop(cause: StopCause, graceMs: number): void {
    if (this.#cause === undefined || cause === "fenced") this.#cause = cause;
    if (graceMs >= this.#graceMs) return;
    this.#graceMs = graceMs;
    this.#controller.abort();
    for (const listener of this.#listeners) listener(this.#graceMs);
  }

  /** Calls `listener` at every stop, and at once when there was one already. */
  onStop(listener: (graceMs: number) => void): Disposable {
    this.#listeners.add(listener);
    if (this.#cause !== undefined) listener(this.#graceMs);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
