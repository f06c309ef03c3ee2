import { byteTrie } from "./byte-trie.ts";
import type { ByteTrie } from "./byte-trie.ts";

/** How many states get a full row of transitions: 4 MiB of them, which hold the start of every pattern. */
const MAX_ROWS = 4096;

/**
 * Finds every occurrence of many byte patterns in one pass over the input: the automaton of A. V. Aho and
 * M. J. Corasick, "Efficient string matching: an aid to bibliographic search", CACM 18(6), 1975.
 *
 * A state is a number, 0 the start, shallow ones first. The first ones, where nearly all input is spent, have a full
 * row of 256 transitions; deep ones keep their children only, some 40 bytes for each byte of a pattern.
 */
export class PatternAutomaton {
  /** Per state: how many bytes at the end of the input may still become a match; always fewer than the longest pattern. */
  readonly openBytes: Int32Array;
  /** Per state: the length of the longest pattern that ends here; 0 for none. */
  readonly matchBytes: Int32Array;
  /** Per state: the index of that pattern, the lowest where patterns are equal; -1 for none. */
  readonly matchPattern: Int32Array;
  /** What `step` answers in the states below `rows.length / 256`: 256 answers for each. */
  readonly rows: Int32Array;
  readonly #trie: ByteTrie;
  readonly #fallback: Int32Array;

  /** Builds the automaton of non-empty patterns. */
  constructor(patterns: readonly Uint8Array[]) {
    this.#trie = byteTrie(patterns);
    const size = this.#trie.byte.length;
    this.#fallback = new Int32Array(size);
    this.openBytes = new Int32Array(size);
    this.matchBytes = new Int32Array(size);
    this.matchPattern = this.#trie.pattern.slice();
    this.rows = new Int32Array(Math.min(size, MAX_ROWS) * 256);
    for (let state = 0; state < size; state++) {
      if (state > 0) this.#complete(state);
      if (state < MAX_ROWS) this.#fillRow(state);
    }
    // Only now is it known of every state whether a pattern ends there.
    for (const [index, state] of this.rows.entries()) this.rows[index] = this.#marked(state);
  }

  /** The state after one more byte; its complement (`~state`, negative) when a pattern ends with that byte. */
  step(state: number, byte: number): number {
    for (let at = state; ; at = this.#fallback[at] ?? 0) {
      if (at < MAX_ROWS) return this.rows[at * 256 + byte] ?? 0;
      const child = this.#childOf(at, byte);
      if (child > 0) return this.#marked(child);
    }
  }

  /** A state's fallback is the state of its longest proper suffix: shallower, so completed before. */
  #complete(state: number): void {
    const { parent, byte, depth, firstChild } = this.#trie;
    const above = parent[state] ?? 0;
    const next = above === 0 ? 0 : this.step(this.#fallback[above] ?? 0, byte[state] ?? 0);
    const fallback = next < 0 ? ~next : next;
    this.#fallback[state] = fallback;

    const hasChildren = (firstChild[state] ?? 0) > 0;
    this.openBytes[state] = (hasChildren ? depth[state] : this.openBytes[fallback]) ?? 0;
    const isEnd = (this.matchPattern[state] ?? -1) >= 0;
    this.matchBytes[state] = (isEnd ? depth[state] : this.matchBytes[fallback]) ?? 0;
    if (!isEnd) this.matchPattern[state] = this.matchPattern[fallback] ?? -1;
  }

  #fillRow(state: number): void {
    const fallback = this.#fallback[state] ?? 0;
    if (state > 0) this.rows.copyWithin(state * 256, fallback * 256, fallback * 256 + 256);
    const { firstChild, nextSibling, byte } = this.#trie;
    for (let child = firstChild[state] ?? 0; child > 0; child = nextSibling[child] ?? 0) {
      this.rows[state * 256 + (byte[child] ?? 0)] = child;
    }
  }

  #childOf(state: number, byte: number): number {
    const { firstChild, nextSibling, byte: byteOf } = this.#trie;
    let child = firstChild[state] ?? 0;
    while (child > 0 && byteOf[child] !== byte) child = nextSibling[child] ?? 0;
    return child;
  }

  #marked(state: number): number {
    return (this.matchBytes[state] ?? 0) > 0 ? ~state : state;
  }
}
