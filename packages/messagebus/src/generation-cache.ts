/**
 * A bounded map that forgets what has not been used lately. Two generations: what is read from the old one moves to the
 * new one; when the new one is full it becomes the old one, and the old one is forgotten as a whole. So a flood of keys
 * costs no bookkeeping for each of them, and between `size / 2` and `size` keys are remembered.
 */
export class GenerationCache<Key, Value> {
  readonly #half: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(size: number) {
    this.#half = Math.max(1, size >> 1);
  }

  get(key: Key): Value | undefined {
    const value = this.#young.get(key);
    return value === undefined ? this.#fromOld(key) : value;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    if (this.#young.size > 0) this.#young = new Map();
    if (this.#old.size > 0) this.#old = new Map();
  }

  /** How many keys are remembered; a key that was set again while it was old counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #fromOld(key: Key): Value | undefined {
    if (this.#old.size === 0) return undefined;
    const value = this.#old.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }
}
