import type { OutputStream } from "@signalbox/protocol";

import type { OutputPiece } from "../link/output-sender.ts";
import type { Spool } from "../spool/spool.ts";
import type { StreamRecord } from "../spool/spool-record.ts";

/** Reads one stream of a spool from an offset on, record after record, joined into pieces as large as a frame may be. */
export class SpoolReader {
  /** Where the next piece begins. */
  offset: number;
  readonly #records: AsyncGenerator<StreamRecord, void, undefined>;
  #rest: StreamRecord | undefined;

  constructor(spool: Spool, stream: OutputStream, offset: number) {
    this.offset = offset;
    // It follows, so that a record more does not mean to begin with the first one again.
    this.#records = spool.read(stream, { fromOffset: offset, follow: true });
  }

  /** The next piece. There must be something before `end`, which is on disk: it is never waited for. */
  async take(maxBytes: number, end: number): Promise<OutputPiece | undefined> {
    const offset = this.offset;
    const parts: Buffer[] = [];
    let room = maxBytes;
    while (room > 0 && this.offset < end) {
      const record = this.#rest ?? (await this.#records.next()).value;
      this.#rest = undefined;
      if (!record) break;
      if (record.type === "gap") {
        if (parts.length === 0) return this.#takeGap(record.offset, record.length, record.reason);
        this.#rest = record;
        break;
      }
      const part = record.bytes.subarray(0, room);
      if (part.length < record.bytes.length)
        this.#rest = { ...record, offset: record.offset + part.length, bytes: record.bytes.subarray(part.length) };
      parts.push(part);
      room -= part.length;
      this.offset += part.length;
    }
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    return bytes && bytes.length > 0 ? { offset, length: bytes.length, bytes } : undefined;
  }

  #takeGap(offset: number, length: number, gap: string): OutputPiece {
    this.offset = offset + length;
    return { offset, length, bytes: new Uint8Array(0), gap };
  }
}
