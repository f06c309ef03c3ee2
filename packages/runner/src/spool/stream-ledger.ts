import type { Extent } from "./record-codec.ts";
import type { GapReason, GapRecord } from "./spool-record.ts";

/** How far one stream has come. */
export interface StreamPosition {
  /** How many bytes the process has written to it, lost ones included. */
  readonly offset: number;
  /** The number of the next record. */
  readonly seq: number;
  /** Up to here the server has it all. */
  readonly acknowledged: number;
}

/** Counts the bytes of each stream: what was taken in, what was lost and not yet told, what was acknowledged. Pure. */
export class StreamLedger {
  readonly #streams = new Map<string, Entry>();

  /** Where a stream stands; a stream that was never written to stands at its beginning. */
  position(stream: string): StreamPosition {
    const { offset, seq, acknowledged } = this.#streams.get(stream) ?? newEntry();
    return { offset, seq, acknowledged };
  }

  /** All streams that were written to. */
  positions(): Map<string, StreamPosition> {
    return new Map([...this.#streams.keys()].map((stream) => [stream, this.position(stream)]));
  }

  /** Gives the next bytes their place. */
  take(stream: string, length: number): Extent {
    const entry = this.#entry(stream);
    const extent = { stream, seq: entry.seq++, offset: entry.offset, length };
    entry.offset += length;
    return extent;
  }

  /** Counts bytes that are dropped. */
  drop(stream: string, length: number, reason: GapReason): void {
    const entry = this.#entry(stream);
    entry.lost ??= { offset: entry.offset, reason };
    entry.offset += length;
  }

  /** Turns a record that has its place, and all after it in its stream, into lost bytes. */
  lose({ stream, seq, offset }: Extent, reason: GapReason): void {
    const entry = this.#entry(stream);
    entry.seq = Math.min(entry.seq, seq);
    if (!entry.lost || offset < entry.lost.offset) entry.lost = { offset, reason };
  }

  /** One gap record for each stream with lost bytes, which are then told. */
  takeGaps(): GapRecord[] {
    return [...this.#streams].flatMap(([stream, entry]) => {
      const { lost } = entry;
      entry.lost = undefined;
      if (!lost || lost.offset === entry.offset) return [];
      return [{ type: "gap", stream, seq: entry.seq++, ...lost, length: entry.offset - lost.offset }];
    });
  }

  /** Takes over what a file was found to hold; `isReadable` is false for a record that only its header tells of. */
  recover({ stream, seq, offset, length }: Extent, isReadable: boolean): void {
    const entry = this.#entry(stream);
    const end = offset + length;
    if (end < entry.offset) return;
    if (isReadable) entry.lost = undefined;
    else entry.lost ??= { offset: entry.offset, reason: "corrupt" };
    entry.offset = end;
    entry.seq = Math.max(entry.seq, isReadable ? seq + 1 : seq);
  }

  /** Takes over a position from before a restart. */
  restore(stream: string, { offset, seq, acknowledged }: StreamPosition): void {
    this.#streams.set(stream, { offset, seq, acknowledged, lost: undefined });
  }

  /** Ends a recovery: what was acknowledged was there, even where no record of it can be read any more. */
  settle(): void {
    for (const entry of this.#streams.values()) entry.offset = Math.max(entry.offset, entry.acknowledged);
  }

  /** Moves the acknowledged offset forward, never back and never beyond what there is; whether it moved. */
  acknowledge(stream: string, offset: number): boolean {
    const entry = this.#entry(stream);
    const reached = Math.min(offset, entry.offset);
    if (reached <= entry.acknowledged) return false;
    entry.acknowledged = reached;
    return true;
  }

  #entry(stream: string): Entry {
    const entry = this.#streams.get(stream) ?? newEntry();
    this.#streams.set(stream, entry);
    return entry;
  }
}

interface Entry {
  offset: number;
  seq: number;
  acknowledged: number;
  /** Bytes from here to `offset` are lost, and no record tells so yet. */
  lost: { readonly offset: number; readonly reason: GapReason } | undefined;
}

function newEntry(): Entry {
  return { offset: 0, seq: 1, acknowledged: 0, lost: undefined };
}
