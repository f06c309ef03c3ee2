import type { StateStore } from "./state-store.ts";

/**
 * Stores that are kept on disk: what was done in the last moment before `process.exit` is stored all the same. One
 * listener for all of them.
 */
class FlushAtExit {
  readonly #stores = new Set<StateStore>();
  readonly #flush = () => {
    for (const store of this.#stores) store.tryToFlush();
  };

  add(store: StateStore): void {
    if (this.#stores.size === 0) process.on("exit", this.#flush);
    this.#stores.add(store);
  }

  delete(store: StateStore): void {
    if (this.#stores.delete(store) && this.#stores.size === 0) process.off("exit", this.#flush);
  }
}

export const flushAtExit = new FlushAtExit();
