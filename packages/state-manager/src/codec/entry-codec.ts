import { MAX_STAMP, STEPS } from "../crdt/hybrid-clock.ts";
import { FORM, KIND, type Form, type Kind } from "../crdt/kinds.ts";
import { limit } from "../limits.ts";
import { elementOf, formOf, partOf } from "../value/element.ts";
import type { JsonValue } from "../value/json-value.ts";
import { MalformedBytes, type ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readValue, writeValue } from "./value-codec.ts";

/** Bits of the byte that an entry begins with; the lowest two are its kind. */
export const HEAD = {
  kind: 0b11,
  hasDot: 4,
  hasRemoved: 8,
  hasGap: 16,
  hasPart: 32,
  hasSide: 64,
  unused: 128,
} as const;

/** What a value takes at most that is as long as it may be: it is never longer than its JSON by more than a few bytes. */
const MOST_VALUE_BYTES = limit("value.bytes") + 16;

/** Writes keys and dots; what was written before makes the next ones shorter. */
export class EntryWriter {
  readonly #out: ByteWriter;
  readonly #places = new Map<string, number>();
  #keyCount = 0;
  #lastKey = "";
  #lastPlace = 0;
  #ms = 0;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** Begins anew: the next entry leans on none before it. Stamps are told by their distance from a moment that the reader knows. */
  clear(baseMs: number): void {
    if (this.#keyCount > 1) this.#places.clear();
    this.#keyCount = 0;
    this.#lastKey = "";
    this.#ms = baseMs;
  }

  /** A key, or twice its place among those before and one. */
  key(key: string): void {
    if (key === this.#lastKey) return this.#out.number(this.#lastPlace * 2 + 1);
    const place = this.#place(key);
    const isNew = place === this.#keyCount;
    this.#lastKey = key;
    this.#lastPlace = place;
    if (!isNew) return this.#out.number(place * 2 + 1);
    this.#keyCount++;
    this.#out.string(key, 0, 1);
  }

  /** Where a key stands; a new one stands last. Most deltas have a single key, which needs no map. */
  #place(key: string): number {
    if (this.#keyCount === 0) return 0;
    if (this.#keyCount === 1) this.#places.set(this.#lastKey, 0);
    const place = this.#places.get(key) ?? this.#keyCount;
    this.#places.set(key, place);
    return place;
  }

  /** A part of a counter. */
  part(part: string): void {
    this.#out.string(part, 0, 0);
  }

  /** An element of a set. */
  element(part: string, form: Form): void {
    writeValue(this.#out, form === FORM.string ? part : elementOf(part, form));
  }

  /** What a register's or counter's dot holds. */
  content(kind: Kind, main: number, side: number, value: JsonValue): void {
    if (kind === KIND.counter) {
      this.#out.number(main);
      if (side > 0) this.#out.number(side);
    } else if (kind !== KIND.set) {
      const ms = Math.floor(main / STEPS);
      this.#out.difference(ms - this.#ms);
      this.#out.number(main - ms * STEPS);
      this.#ms = ms;
      writeValue(this.#out, value);
    }
  }
}

/** Reads what an EntryWriter wrote. Throws MalformedBytes. */
export class EntryReader {
  readonly #reader: ByteReader;
  readonly #keys: string[] = [];
  #ms: number;
  form: Form = FORM.string;
  main = 0;
  side = 0;
  value: JsonValue = null;

  constructor(reader: ByteReader, baseMs: number) {
    this.#reader = reader;
    this.#ms = baseMs;
  }

  key(): string {
    const head = this.#reader.number();
    if (head % 2 === 1) return this.#known((head - 1) / 2);
    const key = this.#reader.text(head / 2);
    if (key === "" || key.length > limit("key.bytes")) throw new MalformedBytes("a key cannot be");
    this.#keys.push(key);
    return key;
  }

  /** The part of a cell, and its `form`; of a counter the given one, if any, or one that is read. */
  partOf(kind: Kind, key: string, counterPart: string | undefined): string {
    this.form = FORM.string;
    if (kind === KIND.counter) return counterPart ?? this.#part();
    if (kind !== KIND.set) return key;
    const element = this.#value();
    this.form = formOf(element);
    // However it was spelled, an element has one text.
    return partOf(element);
  }

  /** Reads what a dot of the part that was read last holds, into `main`, `side` and `value`. */
  content(kind: Kind, hasSide: boolean): void {
    this.main = 0;
    this.side = kind === KIND.set ? this.form : 0;
    this.value = null;
    if (kind === KIND.counter) {
      this.main = this.#reader.number();
      if (hasSide) this.side = this.#reader.number();
    } else if (kind !== KIND.set) this.#register();
  }

  #register(): void {
    this.#ms += this.#reader.difference();
    const steps = this.#reader.number();
    this.main = this.#ms * STEPS + steps;
    if (this.#ms < 0 || steps >= STEPS || this.main > MAX_STAMP) throw new MalformedBytes("a stamp cannot be");
    this.value = this.#value();
  }

  #value(): JsonValue {
    const before = this.#reader.left;
    const value = readValue(this.#reader);
    if (before - this.#reader.left > MOST_VALUE_BYTES) throw new MalformedBytes("a value is too long");
    return value;
  }

  #part(): string {
    const part = this.#reader.string(0);
    if (part === "" || part.length > 2 * limit("replicaId.length")) throw new MalformedBytes("a part cannot be");
    return part;
  }

  #known(index: number): string {
    const key = this.#keys[index];
    if (key === undefined) throw new MalformedBytes("a key is not known");
    return key;
  }
}
