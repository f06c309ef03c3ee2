/** Lets readers of named streams wait for more. Nothing is queued: a reader that wakes reads the store. */
export class WakeUps {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** How many wait, on all streams. */
  get size(): number {
    let size = 0;
    for (const waiting of this.#waiting.values()) size += waiting.size;
    return size;
  }

  /** Wakes all who wait on a stream. */
  wake(stream: string): void {
    const waiting = this.#waiting.get(stream);
    if (!waiting) return;
    this.#waiting.delete(stream);
    for (const wake of waiting) wake();
  }

  /** Wakes everybody, for a stop. */
  wakeAll(): void {
    for (const stream of this.#waiting.keys()) this.wake(stream);
  }

  /**
   * Begins to wait for the next wake-up, or for the signal to abort. Begin before reading, and nothing that is stored
   * after the read is missed; leave when the wait turns out not to be needed.
   */
  wait(stream: string, signal: AbortSignal): { readonly woken: Promise<void>; leave(): void } {
    let leave = () => {};
    const woken = new Promise<void>((resolve) => {
      leave = () => {
        this.#leave(stream, leave);
        signal.removeEventListener("abort", leave);
        resolve();
      };
    });
    if (signal.aborted) leave();
    else this.#enter(stream, leave, signal);
    return { woken, leave };
  }

  #enter(stream: string, wake: () => void, signal: AbortSignal): void {
    const waiting = this.#waiting.get(stream);
    if (waiting) waiting.add(wake);
    else this.#waiting.set(stream, new Set([wake]));
    signal.addEventListener("abort", wake, { once: true });
  }

  #leave(stream: string, wake: () => void): void {
    const waiting = this.#waiting.get(stream);
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#waiting.delete(stream);
  }
}
