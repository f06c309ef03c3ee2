import type { Writer } from "./writer.ts";

/**
 * A fingerprint of all dots, whatever their order. Replicas that have seen the same operations have the same dots; where their
 * digests differ all the same, something went wrong, and they exchange everything.
 */
export class Digest {
  #one = 0;
  #two = 0;

  /** Adds a dot or takes it away, which is the same. */
  toggle(writer: Writer, seq: number): void {
    // `seq` may be longer than 32 bits.
    const high = (seq / 0x1_0000_0000) | 0;
    const mixed = mix(Math.imul(writer.hash ^ high, 0x9e3779b1) ^ seq);
    this.#one ^= mixed;
    this.#two ^= mix(mixed ^ writer.hash);
  }

  /** As text. */
  toString(): string {
    return (this.#one >>> 0).toString(36) + "." + (this.#two >>> 0).toString(36);
  }
}

/** The finalizer of MurmurHash3. */
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
