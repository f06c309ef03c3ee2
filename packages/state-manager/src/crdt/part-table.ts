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
 * together; a Map has to look at the strings themselves, which lie scattered, and that is most of what an operation takes. The dots
 * stand in a row of their own, one behind the other as they came: the garbage collector has to look at every place of an old array
 * into which a new object was put, and such places cost least where they lie together. Where the parts were chosen so that their
 * hashes are the same it becomes a Map, on which that has no effect.
 */
export class PartTable {
  /** Two numbers for each slot: the hash, 0 where the slot is free, and where its dot stands in the row. */
  #slots = new Int32Array(2 * LEAST_SLOTS);
  #row: Dot[] = [];
  #map: Map<string, Dot> | undefined;

  get size(): number {
    return this.#map ? this.#map.size : this.#row.length;
  }

  get(part: string): Dot | undefined {
    if (this.#map) return this.#map.get(part);
    const slot = this.#find(part, hashOf(part));
    return slot < 0 ? undefined : this.#row[this.#place(slot)];
  }

  /** Sets the dot of a part; returns the one that was there. */
  swap(part: string, dot: Dot): Dot | undefined {
    if (this.#map) return swapInMap(this.#map, part, dot);
    const hash = hashOf(part);
    const slot = this.#find(part, hash);
    if (slot >= 0) {
      const place = this.#place(slot);
      const before = this.#row[place];
      this.#row[place] = dot;
      return before;
    }
    this.#set(~slot, hash, this.#row.length);
    this.#row.push(dot);
    if (distance(~slot, hash, this.#slotCount) > MOST_STEPS) this.#becomeMap();
    else if (this.#row.length * FULL > this.#slotCount) this.#resize(this.#slotCount * GROWTH);
    return undefined;
  }

  delete(part: string): void {
    if (this.#map) return void this.#map.delete(part);
    const slot = this.#find(part, hashOf(part));
    if (slot < 0) return;
    const place = this.#place(slot);
    this.#free(slot);
    const last = this.#row.at(-1);
    // The last one fills the gap in the row.
    if (last && place < this.#row.length - 1) {
      const hash = hashOf(last.part);
      this.#set(this.#find(last.part, hash), hash, place);
      this.#row[place] = last;
    }
    this.#row.pop();
    if (this.#slotCount > LEAST_SLOTS && this.#row.length * SPARSE < this.#slotCount)
      this.#resize(this.#slotCount / GROWTH);
  }

  /** In no order that means anything. */
  values(): Dot[] {
    return this.#map ? [...this.#map.values()] : [...this.#row];
  }

  get #slotCount(): number {
    return this.#slots.length / 2;
  }

  #place(slot: number): number {
    return this.#slots[2 * slot + 1] ?? 0;
  }

  #set(slot: number, hash: number, place: number): void {
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = place;
  }

  /** The slot of a part; where it has none, the one that it would get, inverted. */
  #find(part: string, hash: number): number {
    const slots = this.#slots;
    const last = slots.length / 2 - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const found = slots[2 * slot];
      if (found === 0) return ~slot;
      if (found === hash && this.#row[slots[2 * slot + 1] ?? 0]?.part === part) return slot;
    }
  }

  /** Empties a slot and moves up what would not be found any more beyond the gap. */
  #free(slot: number): void {
    const slots = this.#slots;
    const last = this.#slotCount - 1;
    let gap = slot;
    for (let next = (gap + 1) & last; slots[2 * next] !== 0; next = (next + 1) & last) {
      const hash = slots[2 * next] ?? 0;
      if (distance(next, hash, last + 1) < ((next - gap) & last)) continue;
      this.#set(gap, hash, this.#place(next));
      gap = next;
    }
    this.#set(gap, 0, 0);
  }

  #resize(count: number): void {
    const before = this.#slots;
    const slots = new Int32Array(2 * count);
    for (let from = 0; from < before.length; from += 2) {
      const hash = before[from] ?? 0;
      if (hash === 0) continue;
      let slot = hash & (count - 1);
      while (slots[2 * slot] !== 0) slot = (slot + 1) & (count - 1);
      slots[2 * slot] = hash;
      slots[2 * slot + 1] = before[from + 1] ?? 0;
    }
    this.#slots = slots;
  }

  #becomeMap(): void {
    this.#map = new Map(this.#row.map((dot) => [dot.part, dot]));
    this.#slots = new Int32Array(0);
    this.#row = [];
  }
}

function swapInMap(map: Map<string, Dot>, part: string, dot: Dot): Dot | undefined {
  const before = map.get(part);
  map.set(part, dot);
  return before;
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
