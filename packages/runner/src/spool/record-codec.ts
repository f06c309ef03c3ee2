import { crc32 } from "node:zlib";

import type { GapReason, SpoolRecord, StreamRecord } from "./spool-record.ts";

/**
 * A record on disk, little endian: a header of 64 bytes, then the payload.
 *
 *      0  magic "SBS1"            4  type (1 byte)           8  payload length (4 bytes)
 *     12  seq (6 bytes)          20  offset (6 bytes)       28  length (6 bytes)
 *     36  stream, ASCII, padded with NUL (16 bytes)
 *     56  CRC-32 (as zlib has it) of the payload  60  the same of the header so far
 *
 * The header has a checksum of its own, so that a damaged payload still tells which bytes of which stream it was.
 */
export const HEADER_BYTES = 64;

const MAGIC = Buffer.from("SBS1");
const TYPES = ["", "output", "gap", "meta", "finish"];

/** Refuses a name of a stream that does not fit into a header, with a RangeError. */
export function checkStreamName(stream: string): void {
  if (!/^[\x21-\x7e]{1,16}$/.test(stream)) throw new RangeError(`no name of a stream: ${JSON.stringify(stream)}`);
}

/** A record as bytes; the name of its stream has been checked. */
export function encodeRecord(record: SpoolRecord): Buffer {
  const payload = payloadOf(record);
  const { stream, seq, offset, length } = extentOf(record, payload);
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt8(TYPES.indexOf(record.type), 4);
  header.writeUInt32LE(payload.length, 8);
  header.writeUIntLE(seq, 12, 6);
  header.writeUIntLE(offset, 20, 6);
  header.writeUIntLE(length, 28, 6);
  header.write(stream, 36, "latin1");
  header.writeUInt32LE(crc32(payload), 56);
  header.writeUInt32LE(crc32(header.subarray(0, 60)), 60);
  return Buffer.concat([header, payload]);
}

/** Where a record lies in its stream. */
export interface Extent {
  readonly stream: string;
  readonly seq: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * What stands in a file from `start` to `end`: a record; damage, with the extent of what was lost if its header can still
 * be read; or, always last, a torn end.
 */
export type Scanned =
  | { readonly kind: "record"; readonly record: SpoolRecord; readonly start: number; readonly end: number }
  | { readonly kind: "damage"; readonly lost: Extent | undefined; readonly start: number; readonly end: number }
  | { readonly kind: "torn"; readonly start: number; readonly end: number };

/** All that stands in the bytes of a file, which begin at a record. Payloads share memory with `bytes`. */
export function* scanRecords(bytes: Buffer): Generator<Scanned, void, undefined> {
  for (let start = 0; start < bytes.length;) {
    const scanned = scanAt(bytes, start);
    yield scanned;
    start = scanned.end;
  }
}

/** Where a stream record lies; for an output record by its bytes. */
export function extentOf(record: SpoolRecord, payload: Buffer = payloadOf(record)): Extent {
  if (!isStreamRecord(record)) return { stream: "", seq: 0, offset: 0, length: payload.length };
  const length = record.type === "gap" ? record.length : record.bytes.length;
  return { stream: record.stream, seq: record.seq, offset: record.offset, length };
}

function payloadOf(record: SpoolRecord): Buffer {
  if (record.type === "output") return record.bytes;
  if (record.type === "gap") return Buffer.from(record.reason);
  return Buffer.from(JSON.stringify(record.value));
}

function scanAt(bytes: Buffer, start: number): Scanned {
  if (!isHeader(bytes, start)) {
    const next = nextHeader(bytes, start + 1);
    return next < 0
      ? { kind: "torn", start, end: bytes.length }
      : { kind: "damage", lost: undefined, start, end: next };
  }
  const end = start + HEADER_BYTES + bytes.readUInt32LE(start + 8);
  if (end > bytes.length) return { kind: "torn", start, end: bytes.length };

  const extent = decodeExtent(bytes.subarray(start, start + HEADER_BYTES));
  const payload = bytes.subarray(start + HEADER_BYTES, end);
  const isWhole = crc32(payload) === bytes.readUInt32LE(start + 56);
  const record = isWhole ? decodeRecord(TYPES[bytes[start + 4] ?? 0] ?? "", extent, payload) : undefined;
  return record ? { kind: "record", record, start, end } : { kind: "damage", lost: extent, start, end };
}

function isHeader(bytes: Buffer, at: number): boolean {
  if (at + HEADER_BYTES > bytes.length || bytes.compare(MAGIC, 0, 4, at, at + 4) !== 0) return false;
  return crc32(bytes.subarray(at, at + 60)) === bytes.readUInt32LE(at + 60);
}

function nextHeader(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(MAGIC, from);
  while (at >= 0 && !isHeader(bytes, at)) at = bytes.indexOf(MAGIC, at + 1);
  return at;
}

function decodeExtent(header: Buffer): Extent {
  return {
    stream: header.toString("latin1", 36, 52).replace(/\0+$/, ""),
    seq: header.readUIntLE(12, 6),
    offset: header.readUIntLE(20, 6),
    length: header.readUIntLE(28, 6),
  };
}

/** Undefined for a type of a newer version: it counts as damage, not as nothing. */
function decodeRecord(type: string, { stream, seq, offset, length }: Extent, payload: Buffer): SpoolRecord | undefined {
  switch (type) {
    case "output":
      return { type, stream, seq, offset, bytes: payload };
    case "gap":
      // The checksum has shown that it is what this program wrote.
      return { type, stream, seq, offset, length, reason: payload.toString() as GapReason };
    case "meta":
    case "finish":
      return { type, value: JSON.parse(payload.toString()) as unknown };
    default:
      return undefined;
  }
}

/** Where what was found lies in its stream; undefined for what belongs to none, or cannot be told. */
export function streamExtent(scanned: Scanned): Extent | undefined {
  if (scanned.kind === "damage") return scanned.lost;
  return scanned.kind === "record" && isStreamRecord(scanned.record) ? extentOf(scanned.record) : undefined;
}

/** Whether a record belongs to a stream. */
export function isStreamRecord(record: SpoolRecord): record is StreamRecord {
  return record.type === "output" || record.type === "gap";
}
