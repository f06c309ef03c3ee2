import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Extent } from "./record-codec.ts";
import type { StreamLedger } from "./stream-ledger.ts";

const LATEST_BYTES = 65_536;

/** One file of output records. Segments are numbered from 1 and deleted from the front. */
export class Segment {
  readonly number: number;
  readonly path: string;
  /** How many bytes are durable. */
  length = 0;
  /** Per stream: where its last record in here ends, and the number of the record after that. */
  readonly ends: Map<string, { readonly offset: number; readonly seq: number }> = new Map();
  /** What became durable last, for readers that are right behind it: most are, and need not ask the disk. */
  #latest: { readonly start: number; readonly bytes: Buffer } | undefined;

  constructor(directory: string, number: number) {
    this.number = number;
    this.path = join(directory, segmentName(number));
  }

  /** Takes note of bytes at its end that are durable now. */
  grow(batch: readonly Buffer[]): void {
    const length = batch.reduce((sum, bytes) => sum + bytes.length, 0);
    this.#latest = length > LATEST_BYTES ? undefined : { start: this.length, bytes: Buffer.concat(batch) };
    this.length += length;
  }

  /** Takes note of a record that it holds, or held before it was damaged. */
  note({ stream, seq, offset, length }: Extent): void {
    this.ends.set(stream, { offset: offset + length, seq: seq + 1 });
  }

  /** Whether the server has all that it holds. */
  isAcknowledged(ledger: StreamLedger): boolean {
    return [...this.ends].every(([stream, { offset }]) => offset <= ledger.position(stream).acknowledged);
  }

  /** Its durable bytes from `start` on; undefined when it has been deleted, for then they were acknowledged. */
  async read(start: number): Promise<Buffer | undefined> {
    if (this.#latest?.start === start) return this.#latest.bytes;
    const end = this.length;
    try {
      await using file = await open(this.path, "r");
      const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }
}

/** `output-00000001.log`: names sort like numbers. */
export function segmentName(number: number): string {
  return `output-${String(number).padStart(8, "0")}.log`;
}

/** The number in a segment's name; undefined for any other file. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^output-(\d{8,})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
