import { birthOf } from "../ids.ts";
import type { Dot } from "./dot.ts";

/**
 * One life of a replica as all others know it: its operations are numbered 1, 2, 3 …, and `seq` is how far they have been
 * seen here, without a hole. What they left behind hangs in a list, in their order.
 */
export class Writer {
  readonly id: string;
  /** Spreads the ids for the digest. */
  readonly hash: number;
  /** When it was born, in milliseconds since the epoch, to the hour. */
  readonly birthMs: number;
  seq = 0;
  oldest: Dot | undefined;
  newest: Dot | undefined;
  /** Later operations that were overwritten or removed by another replica's operation which came here first. */
  early: Set<number> | undefined;
  /** Whether it was heard in this life of ours, so that it is not forgotten. */
  isHeard = false;

  constructor(id: string) {
    this.id = id;
    this.hash = hashOf(id);
    this.birthMs = birthOf(id);
  }

  append(dot: Dot): void {
    const { newest } = this;
    dot.older = newest;
    if (newest) newest.newer = dot;
    else this.oldest = dot;
    this.newest = dot;
  }

  remove(dot: Dot): void {
    const { older, newer } = dot;
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.newest = older;
  }

  /** Everything up to `seq` has been seen. */
  advance(seq: number): void {
    if (seq <= this.seq) return;
    this.seq = seq;
    if (!this.early) return;
    for (const early of this.early) if (early <= seq) this.early.delete(early);
    if (this.early.size === 0) this.early = undefined;
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
