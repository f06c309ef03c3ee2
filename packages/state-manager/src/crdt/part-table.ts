import type { Dot } from "./dot.ts";

const LEAST_SLOTS = 16;
/** At most half of the slots are taken, so that what is looked for stands near where it should. */
const FULL = 2;
/** And so many times fewer at least. */
const SPARSE = 32;
const GROWTH = 4;
/** With such room no part is ever so far from its place, unless somebody has chosen parts that all want the same one. */
const MOST_STEPS = 256;

/**
 * The cells of a set by their part, like a Map. A set of many elements is looked through by the hashes alone, which lie
 * together; a Map has to look at the strings themselves, which lie scattered, and that is most of what an operation takes. Where
 * the parts were chosen so that their hashes are the same it becomes a Map, on which that has no effect.
 */
export class PartTable {
  size = 0;
  /** 0: the slot is free. */
  #hashes = new Int32Array(LEAST_SLOTS);
  #dots = emptySlots(LEAST_SLOTS);
  #map: Map<string, Dot> | undefined;

  get(part: string): Dot | undefined {
    if (this.#map) return this.#map.get(part);
    const slot = this.#find(part, hashOf(part));
    return slot < 0 ? undefined : this.#dots[slot];
  }

  /** Sets the dot of a part; returns the one that was there. */
  swap(part: string, dot: Dot): Dot | undefined {
    if (this.#map) return this.#swapInMap(this.#map, part, dot);
    const hash = hashOf(part);
    const slot = this.#find(part, hash);
    if (slot >= 0) {
      const before = this.#dots[slot];
      this.#dots[slot] = dot;
      return before;
    }
    this.#hashes[~slot] = hash;
    this.#dots[~slot] = dot;
    this.size++;
    if (distance(~slot, hash, this.#hashes.length) > MOST_STEPS) this.#becomeMap();
    else if (this.size * FULL > this.#hashes.length) this.#resize(this.#hashes.length * GROWTH);
    return undefined;
  }

  delete(part: string): void {
    if (this.#map) {
      this.#map.delete(part);
      this.size = this.#map.size;
      return;
    }
    const slot = this.#find(part, hashOf(part));
    if (slot < 0) return;
    this.#free(slot);
    this.size--;
    const slots = this.#hashes.length;
    if (slots > LEAST_SLOTS && this.size * SPARSE < slots) this.#resize(slots / GROWTH);
  }

  /** In no order that means anything. */
  values(): Dot[] {
    if (this.#map) return [...this.#map.values()];
    return this.#dots.filter((dot) => dot !== undefined);
  }

  /** The slot of a part; where it has none, the one that it would get, inverted. */
  #find(part: string, hash: number): number {
    const hashes = this.#hashes;
    const last = hashes.length - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const found = hashes[slot];
      if (found === 0) return ~slot;
      if (found === hash && this.#dots[slot]?.part === part) return slot;
    }
  }

  /** Empties a slot and moves up what would not be found any more beyond the gap. */
  #free(slot: number): void {
    const last = this.#hashes.length - 1;
    let gap = slot;
    for (let next = (gap + 1) & last; this.#hashes[next] !== 0; next = (next + 1) & last) {
      const hash = this.#hashes[next] ?? 0;
      if (distance(next, hash, last + 1) < ((next - gap) & last)) continue;
      this.#hashes[gap] = hash;
      this.#dots[gap] = this.#dots[next];
      gap = next;
    }
    this.#hashes[gap] = 0;
    this.#dots[gap] = undefined;
  }

  #resize(slots: number): void {
    const [hashes, dots] = [this.#hashes, this.#dots];
    this.#hashes = new Int32Array(slots);
    this.#dots = emptySlots(slots);
    const last = slots - 1;
    for (let from = 0; from < hashes.length; from++) {
      const hash = hashes[from] ?? 0;
      if (hash === 0) continue;
      let slot = hash & last;
      while (this.#hashes[slot] !== 0) slot = (slot + 1) & last;
      this.#hashes[slot] = hash;
      this.#dots[slot] = dots[from];
    }
  }

  #becomeMap(): void {
    this.#map = new Map(this.values().map((dot) => [dot.part, dot]));
    this.#hashes = new Int32Array(0);
    this.#dots = [];
  }

  #swapInMap(map: Map<string, Dot>, part: string, dot: Dot): Dot | undefined {
    const before = map.get(part);
    map.set(part, dot);
    this.size = map.size;
    return before;
  }
}

function emptySlots(slots: number): (Dot | undefined)[] {
  // oxlint-disable-next-line unicorn/no-new-array -- `from` is many times slower, and these are large
  return new Array<Dot | undefined>(slots).fill(undefined);
}

/** How far a slot is behind the one that its hash asks for. */
function distance(slot: number, hash: number, slots: number): number {
  return (slot - hash) & (slots - 1);
}

/** FNV-1a with a final mix; never 0. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash === 0 ? 1 : hash;
}
