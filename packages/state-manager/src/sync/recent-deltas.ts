import type { Versions } from "../codec/versions-codec.ts";
import { limit } from "../limits.ts";

/** A delta as it was sent. */
interface Recent {
  readonly writerId: string;
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

/** The latest deltas of everybody, to give to replicas that missed some. Old ones go when there are too many. */
export class RecentDeltas {
  readonly #mostBytes: number;
  #all: Recent[] = [];
  #bytes = 0;

  constructor(mostBytes = limit("recent.bytes")) {
    this.#mostBytes = mostBytes;
  }

  add(recent: Recent): void {
    this.#all.push(recent);
    this.#bytes += sizeOf(recent);
    if (this.#bytes > this.#mostBytes) this.#forget();
  }

  clear(): void {
    this.#all = [];
    this.#bytes = 0;
  }

  /** The deltas from one version vector to another; undefined where some are not here any more. */
  between(from: Versions, to: Versions): Uint8Array[] | undefined {
    const reached = new Map(from);
    const deltas: Uint8Array[] = [];
    for (const recent of this.#all) {
      const seq = reached.get(recent.writerId) ?? 0;
      if (recent.to <= seq || recent.from > seq) continue;
      deltas.push(recent.bytes);
      reached.set(recent.writerId, recent.to);
    }
    for (const [writerId, seq] of to) if ((reached.get(writerId) ?? 0) < seq) return undefined;
    return deltas;
  }

  /** Down to three quarters, so that it is not done for each. */
  #forget(): void {
    let first = 0;
    while (this.#bytes > this.#mostBytes * 0.75) {
      const recent = this.#all[first++];
      if (!recent) break;
      this.#bytes -= sizeOf(recent);
    }
    this.#all = this.#all.slice(first);
  }
}

/** With what an array and an object take beside the bytes. */
function sizeOf({ bytes }: Recent): number {
  return bytes.length + 200;
}
