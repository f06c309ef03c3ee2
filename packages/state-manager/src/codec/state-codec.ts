import { crc32 } from "node:zlib";

import type { Dot } from "../crdt/dot.ts";
import { formOfPart, keyOf } from "../crdt/home.ts";
import { KIND, type Kind } from "../crdt/kinds.ts";
import type { Replica } from "../crdt/replica.ts";
import type { Segment, SegmentDot, SegmentEntry, StateParts } from "../crdt/segment.ts";
import type { Writer } from "../crdt/writer.ts";
import { InvalidSnapshotError } from "../errors.ts";
import { ByteReader, MalformedBytes } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { DotName } from "./delta-codec.ts";
import { EntryReader, EntryWriter, HEAD } from "./entry-codec.ts";
import { readReplicaId, writeReplicaId } from "./replica-id-codec.ts";

// A page: the format, parts, an end, and the CRC-32 of all before it. A segment: whose, after which operation, dots each after
// its distance from the one before, 0, and how far behind the last dot it ends.
const FORMAT = 0x20;
const PART = { end: 0, segment: 1, early: 2 } as const;
const CHECKSUM_BYTES = 4;
/** What a head says whose dot the receiver has seen: no entry follows. */
const SEEN = HEAD.unused;

export interface EncodeOptions {
  /** Where a page is cut, in bytes; default: nowhere. A single value may make it longer. */
  readonly pageBytes?: number | undefined;
  /** What the receiver has seen of each writer: those dots are named only. Default: nothing. */
  readonly seen?: ReadonlyMap<string, number> | undefined;
}

/**
 * The whole state of a replica, in pages that are to be joined together. There is one page at least. Replicas with the same
 * state make the same bytes.
 */
export function encodeState(replica: Replica, { pageBytes = Infinity, seen }: EncodeOptions = {}): Uint8Array[] {
  const encoder = new StateEncoder(pageBytes);
  const writers = [...replica.writers.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const writer of writers) {
    if (writer.seq > 0) encoder.segment(writer, seen?.get(writer.id) ?? 0);
    if (writer.early)
      encoder.early(
        writer.id,
        [...writer.early].sort((a, b) => a - b),
      );
  }
  return encoder.end();
}

class StateEncoder {
  readonly #pageBytes: number;
  readonly #out = new ByteWriter();
  readonly #entries = new EntryWriter(this.#out);
  readonly #pages: Uint8Array[] = [];
  /** How many dots are in the page. */
  #dots = 0;

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
    this.#begin();
  }

  segment(writer: Writer, seen: number): void {
    let last = 0;
    if (this.#out.length >= this.#pageBytes) this.#endPage();
    this.#beginSegment(writer.id, last);
    for (let dot = writer.oldest; dot; dot = dot.newer) {
      const { length } = this.#out;
      this.#dot(dot, last, dot.seq <= seen);
      // What does not fit goes to the next page, unless it is alone.
      if (this.#out.length > this.#pageBytes && this.#dots > 1) {
        this.#out.cut(length);
        this.#endSegment(0);
        this.#endPage();
        this.#beginSegment(writer.id, last);
        this.#dot(dot, last, dot.seq <= seen);
      }
      last = dot.seq;
    }
    this.#endSegment(writer.seq - last);
  }

  early(writerId: string, early: readonly number[]): void {
    this.#beginEarly(writerId);
    for (const seq of early) {
      if (this.#out.length >= this.#pageBytes) {
        this.#out.number(0);
        this.#endPage();
        this.#beginEarly(writerId);
      }
      this.#out.number(seq);
    }
    this.#out.number(0);
  }

  end(): Uint8Array[] {
    this.#endPage();
    return this.#pages;
  }

  #begin(): void {
    this.#out.clear();
    this.#entries.clear(0);
    this.#dots = 0;
    this.#out.byte(FORMAT);
  }

  #endPage(): void {
    this.#out.byte(PART.end);
    this.#out.uint32(crc32(this.#out.peek()));
    this.#pages.push(this.#out.take());
    this.#begin();
  }

  #beginSegment(writerId: string, from: number): void {
    this.#out.byte(PART.segment);
    writeReplicaId(this.#out, writerId);
    this.#out.number(from);
  }

  #endSegment(rest: number): void {
    this.#out.number(0);
    this.#out.number(rest);
  }

  #beginEarly(writerId: string): void {
    this.#out.byte(PART.early);
    writeReplicaId(this.#out, writerId);
  }

  #dot(dot: Dot, last: number, isSeen: boolean): void {
    this.#dots++;
    this.#out.number(dot.seq - last);
    if (isSeen) return this.#out.byte(SEEN);
    const { home, part, writer, main, side, value } = dot;
    const { kind } = home;
    const hasPart = kind === KIND.counter && part !== writer.id;
    const hasSide = kind === KIND.counter && side > 0;
    this.#out.byte(kind | (hasPart ? HEAD.hasPart : 0) | (hasSide ? HEAD.hasSide : 0));
    this.#entries.key(keyOf(dot));
    if (kind === KIND.set) this.#entries.element(part, formOfPart(dot));
    else if (hasPart) this.#entries.part(part);
    this.#entries.content(kind, main, side, value);
  }
}

/** Reads pages. Refuses with an InvalidSnapshotError what is none, or was damaged. */
export function decodeState(pages: Iterable<Uint8Array>): StateParts {
  const segments: Segment[] = [];
  const early: DotName[] = [];
  try {
    for (const page of pages) new PageDecoder(page, segments, early).decode();
  } catch (error) {
    if (error instanceof MalformedBytes) throw new InvalidSnapshotError(`this is no snapshot: ${error.message}`);
    throw error;
  }
  return { segments, early };
}

class PageDecoder {
  readonly #reader: ByteReader;
  readonly #entries: EntryReader;
  readonly #segments: Segment[];
  readonly #early: DotName[];

  constructor(page: Uint8Array, segments: Segment[], early: DotName[]) {
    if (!(page instanceof Uint8Array)) throw new MalformedBytes("it is not bytes");
    checkSum(page);
    this.#reader = new ByteReader(page.subarray(0, -CHECKSUM_BYTES));
    this.#entries = new EntryReader(this.#reader, 0);
    this.#segments = segments;
    this.#early = early;
  }

  decode(): void {
    const format = this.#reader.byte();
    if (format !== FORMAT) throw new MalformedBytes(`it is of format ${format >>> 4}, known is 2`);
    for (let part = this.#reader.byte(); part !== PART.end; part = this.#reader.byte()) {
      if (part === PART.segment) this.#segments.push(this.#segment());
      else if (part === PART.early) this.#readEarly();
      else throw new MalformedBytes("a part cannot be");
    }
    if (!this.#reader.isAtEnd) throw new MalformedBytes("something follows its end");
  }

  #segment(): Segment {
    const writerId = readReplicaId(this.#reader);
    const from = this.#reader.number();
    const dots: SegmentDot[] = [];
    let last = from;
    for (let distance = this.#reader.number(); distance > 0; distance = this.#reader.number()) {
      last = checkSeq(last + distance);
      dots.push({ seq: last, entry: this.#entry(writerId) });
    }
    return { writerId, from, to: checkSeq(last + this.#reader.number()), dots };
  }

  #entry(writerId: string): SegmentEntry | undefined {
    const head = this.#reader.byte();
    if (head === SEEN) return undefined;
    const kind = (head & HEAD.kind) as Kind;
    if (head !== (kind | (head & (HEAD.hasPart | HEAD.hasSide)))) throw new MalformedBytes("an entry cannot be");
    const key = this.#entries.key();
    const part = this.#entries.partOf(kind, key, (head & HEAD.hasPart) !== 0 ? undefined : writerId);
    this.#entries.content(kind, (head & HEAD.hasSide) !== 0);
    const { main, side, value } = this.#entries;
    return { kind, key, part, main, side, value };
  }

  #readEarly(): void {
    const writerId = readReplicaId(this.#reader);
    for (let seq = this.#reader.number(); seq > 0; seq = this.#reader.number()) this.#early.push({ writerId, seq });
  }
}

function checkSum(page: Uint8Array): void {
  if (page.length < CHECKSUM_BYTES + 2) throw new MalformedBytes("it ends too early");
  const end = page.length - CHECKSUM_BYTES;
  const told = new ByteReader(page.subarray(end)).uint32();
  if (told !== crc32(page.subarray(0, end))) throw new MalformedBytes("its checksum is another; it was damaged");
}

function checkSeq(seq: number): number {
  if (seq > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("an operation's number is too large");
  return seq;
}
