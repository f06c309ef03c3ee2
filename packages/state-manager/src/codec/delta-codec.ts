import type { Dot } from "../crdt/dot.ts";
import { formOfPart } from "../crdt/home.ts";
import { KIND, type Form, type Kind } from "../crdt/kinds.ts";
import type { Removal, Replica } from "../crdt/replica.ts";
import type { Writer } from "../crdt/writer.ts";
import { InvalidDeltaError } from "../errors.ts";
import { birthOf } from "../ids.ts";
import { limit } from "../limits.ts";
import type { JsonValue } from "../value/json-value.ts";
import { ByteReader, MalformedBytes } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { EntryReader, EntryWriter, HEAD } from "./entry-codec.ts";
import { ownPartOf, readOwnPart, readReplicaId, writeReplicaId } from "./replica-id-codec.ts";

/** What one replica did from one of its operations to another. Taking it twice is taking it once. */
export interface Delta {
  readonly writerId: string;
  /** The operation before the first. */
  readonly from: number;
  /** The last operation. Those in between that are not named left nothing behind that is still there. */
  readonly to: number;
  readonly operations: readonly Operation[];
}

/** One operation: it takes its writer's earlier dots and `removed` from a cell, and leaves a dot there unless it only removes. */
export interface Operation {
  readonly seq: number;
  readonly kind: Kind;
  readonly key: string;
  readonly part: string;
  /** The form of `part`. */
  readonly form: Form;
  readonly hasDot: boolean;
  readonly main: number;
  readonly side: number;
  readonly value: JsonValue;
  readonly removed: readonly DotName[];
}

/** What identifies a dot everywhere. */
export interface DotName {
  readonly writerId: string;
  readonly seq: number;
}

/** The first byte: the format in the upper half; whether the writer's id has a name in the lowest bit. */
const PLAIN = 0x10;
const NAMED = 0x11;

const NONE: readonly Dot[] = [];

/** Encodes deltas, one after the other. */
export class DeltaEncoder {
  readonly #out = new ByteWriter();
  readonly #entries = new EntryWriter(this.#out);
  /** Whom removed dots are of, in the order in which the delta names them. */
  readonly #others = new Map<string, number>();
  /** Of the delta that was taken last: the operation before its first, and its last. */
  from = 0;
  to = 0;

  /**
   * The own operations of a replica that have not been told, of which the last is told then; at least one, and no more
   * than fit into so many bytes. Undefined where there is none.
   */
  take(replica: Replica, mostBytes = limit("delta.bytes")): Uint8Array | undefined {
    const { self, untold, told } = replica;
    if (!replica.hasUntold) return undefined;
    this.#begin(self, told);
    let dot = firstAfter(self.newest, told);
    let next = 0;
    let removal = untold[0];
    let last = told;
    while (dot || removal) {
      const seq = Math.min(dot?.seq ?? Infinity, removal?.seq ?? Infinity);
      const itsDot = dot?.seq === seq ? dot : undefined;
      const itsRemoval = removal?.seq === seq ? removal : undefined;
      const { length } = this.#out;
      this.#operation(self.id, seq - last - 1, itsDot, itsRemoval);
      // What does not fit waits for the next delta, unless it is alone.
      if (this.#out.length > mostBytes && last > told) {
        this.#out.cut(length);
        break;
      }
      if (itsDot) dot = itsDot.newer;
      if (itsRemoval) removal = untold[++next];
      last = seq;
    }
    this.from = told;
    this.to = last;
    replica.told = last;
    if (next > 0) replica.untold = next === untold.length ? [] : untold.slice(next);
    return this.#out.take();
  }

  #begin(writer: Writer, from: number): void {
    this.#out.clear();
    this.#entries.clear(writer.birthMs);
    if (this.#others.size > 0) this.#others.clear();
    const own = ownPartOf(writer.id);
    this.#out.byte(own ? PLAIN : NAMED);
    if (own) this.#out.raw(own);
    else writeReplicaId(this.#out, writer.id);
    this.#out.number(from);
  }

  #operation(writerId: string, gap: number, dot: Dot | undefined, removal: Removal | undefined): void {
    // One of the two is there.
    const { home, part } = (dot ?? removal) as Dot | Removal;
    const { kind } = home;
    const removed = removal?.removed ?? NONE;
    const hasPart = kind === KIND.counter && part !== writerId;
    let head: number = kind;
    if (dot) head |= HEAD.hasDot;
    if (removed.length > 0) head |= HEAD.hasRemoved;
    if (gap > 0) head |= HEAD.hasGap;
    if (hasPart) head |= HEAD.hasPart;
    if (dot && kind === KIND.counter && dot.side > 0) head |= HEAD.hasSide;
    this.#out.byte(head);
    if (gap > 0) this.#out.number(gap);
    this.#entries.key(home.key === "" ? part : home.key);
    if (kind === KIND.set) this.#entries.element(part, removal ? removal.form : formOfPart(dot as Dot));
    else if (hasPart) this.#entries.part(part);
    if (dot) this.#entries.content(kind, dot.main, dot.side, dot.value);
    if (removed.length > 0) this.#removed(removed);
  }

  #removed(removed: readonly Dot[]): void {
    this.#out.number(removed.length);
    for (const { writer, seq } of removed) {
      const index = this.#others.get(writer.id);
      this.#out.number(index ?? this.#others.size);
      if (index === undefined) {
        this.#others.set(writer.id, this.#others.size);
        writeReplicaId(this.#out, writer.id);
      }
      this.#out.number(seq);
    }
  }
}

/** The first of a writer's dots after an operation. What is looked for is near the end. */
function firstAfter(newest: Dot | undefined, seq: number): Dot | undefined {
  let first: Dot | undefined;
  for (let dot = newest; dot && dot.seq > seq; dot = dot.older) first = dot;
  return first;
}

const EMPTY = { main: 0, side: 0, value: null };

/** Reads a delta. Refuses with an InvalidDeltaError what is none. */
export function decodeDelta(bytes: Uint8Array): Delta {
  if (!(bytes instanceof Uint8Array)) throw new InvalidDeltaError("this is no delta: it is not bytes");
  try {
    return new DeltaDecoder(bytes).decode();
  } catch (error) {
    if (error instanceof MalformedBytes) throw new InvalidDeltaError(`this is no delta: ${error.message}`);
    throw error;
  }
}

class DeltaDecoder {
  readonly #reader: ByteReader;
  readonly #others: string[] = [];
  #entries: EntryReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes);
    this.#entries = new EntryReader(this.#reader, 0);
  }

  decode(): Delta {
    const writerId = this.#writerId();
    // Most stamps are a little later than the birth of their writer.
    this.#entries = new EntryReader(this.#reader, birthOf(writerId));
    const from = this.#reader.number();
    const operations: Operation[] = [];
    let to = from;
    while (!this.#reader.isAtEnd) {
      const operation = this.#operation(writerId, to);
      operations.push(operation);
      to = operation.seq;
    }
    if (operations.length === 0) throw new MalformedBytes("it tells of nothing");
    return { writerId, from, to, operations };
  }

  #writerId(): string {
    const format = this.#reader.byte();
    if (format === PLAIN) return readOwnPart(this.#reader);
    if (format === NAMED) return readReplicaId(this.#reader);
    throw new MalformedBytes(`it is of format ${format >>> 4}, known is 1`);
  }

  #operation(writerId: string, last: number): Operation {
    const head = this.#reader.byte();
    const kind = (head & HEAD.kind) as Kind;
    const has = (bit: number) => (head & bit) !== 0;
    if (has(HEAD.unused)) throw new MalformedBytes("an operation cannot be");
    const gap = has(HEAD.hasGap) ? this.#reader.number() : 0;
    const seq = last + 1 + gap;
    if (seq > Number.MAX_SAFE_INTEGER) throw new MalformedBytes("an operation's number is too large");
    const key = this.#entries.key();
    const part = this.#entries.partOf(kind, key, has(HEAD.hasPart) ? undefined : writerId);
    const { form } = this.#entries;
    const hasDot = has(HEAD.hasDot);
    if (hasDot) this.#entries.content(kind, has(HEAD.hasSide));
    const { main, side, value } = hasDot ? this.#entries : EMPTY;
    const removed = has(HEAD.hasRemoved) ? this.#removed(writerId) : [];
    return { seq, kind, key, part, form, hasDot, main, side, value, removed };
  }

  #removed(writerId: string): DotName[] {
    const count = this.#reader.number();
    // Each takes two bytes at least.
    if (count === 0 || count * 2 > this.#reader.left) throw new MalformedBytes("it removes what is not named");
    const removed: DotName[] = [];
    for (let index = 0; index < count; index++) removed.push({ writerId: this.#other(), seq: this.#reader.number() });
    if (removed.some((name) => name.seq < 1 || name.writerId === writerId)) {
      throw new MalformedBytes("it removes what cannot be");
    }
    return removed;
  }

  #other(): string {
    const index = this.#reader.number();
    if (index === this.#others.length) {
      const id = readReplicaId(this.#reader);
      this.#others.push(id);
      return id;
    }
    const id = this.#others[index];
    if (id === undefined) throw new MalformedBytes("a replica is not named");
    return id;
  }
}
