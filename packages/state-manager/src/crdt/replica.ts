import { CounterOverflowError, StateFullError } from "../errors.ts";
import { limit } from "../limits.ts";
import type { JsonValue } from "../value/json-value.ts";
import { addedIn, takenIn } from "./counter.ts";
import { Dot } from "./dot.ts";
import { Entries } from "./entries.ts";
import { formOfPart, type Home, type Registers } from "./home.ts";
import { FORM, type Form } from "./kinds.ts";
import { Writer } from "./writer.ts";

/** An operation that took away what others had written, or left nothing itself: deltas must tell of it. */
export interface Removal {
  readonly seq: number;
  readonly home: Home;
  readonly part: string;
  /** The form of `part`. */
  readonly form: Form;
  readonly removed: readonly Dot[];
}

export interface ReplicaOptions {
  /** The id of this life; never used before. */
  readonly id: string;
  /** The name of this replica's parts of counters; by default its id. One that is kept on disk has one for all its lives. */
  readonly slot?: string | undefined;
}

const MOST_ENTRIES = limit("state.entries");

/**
 * The state as one replica knows it, and the operations that it makes itself. Pure: no clock, no bus, no disk. What others
 * did comes in through `applyDelta` and `joinSegments`; what this one did goes out through `takeDelta`.
 */
export class Replica {
  readonly self: Writer;
  readonly slot: string;
  readonly writers = new Map<string, Writer>();
  readonly entries = new Entries();
  /** How far own operations have been told. */
  told = 0;
  /** Own operations after `told` that did not just leave a dot behind. */
  untold: Removal[] = [];
  /** How many early removals the writers hold. */
  earlyCount = 0;
  #isTelling = true;

  constructor({ id, slot = id }: ReplicaOptions) {
    this.self = new Writer(id);
    this.self.isHeard = true;
    this.slot = slot;
    this.writers.set(id, this.self);
  }

  /** Whether deltas are made. While they are not, nothing is kept for them; others get what they missed as a whole. */
  get isTelling(): boolean {
    return this.#isTelling;
  }

  set isTelling(isTelling: boolean) {
    this.#isTelling = isTelling;
    if (!isTelling) this.forgetUntold();
  }

  /** Own operations up to now will not be told by a delta. */
  forgetUntold(): void {
    this.told = this.self.seq;
    if (this.untold.length > 0) this.untold = [];
  }

  get hasUntold(): boolean {
    return this.told < this.self.seq;
  }

  /** Writes a register or an export, over every write that is known here. */
  setRegister(registers: Registers, key: string, value: JsonValue, stamp: number): void {
    this.#checkRoom(registers, key, FORM.string);
    this.#write(registers, key, stamp, 0, value);
  }

  /** Removes every write of a register that is known here; false where there is none. */
  deleteRegister(registers: Registers, key: string): boolean {
    return this.#clear(registers.first(key), registers, key, FORM.string);
  }

  /** Adds to this replica's part of a counter and takes from it. Refuses with a CounterOverflowError. */
  count(key: string, added: number, taken: number): void {
    const counter = this.entries.counters.get(key);
    this.#checkRoom(counter, this.slot, FORM.string);
    const first = counter?.first(this.slot);
    const main = first ? addedIn(first) + added : added;
    const side = first ? takenIn(first) + taken : taken;
    const isSafe = counter ? counter.isSafeAfter(added, taken) : Number.isSafeInteger(added - taken);
    if (!Number.isSafeInteger(main) || !Number.isSafeInteger(side) || !isSafe) {
      throw new CounterOverflowError(key);
    }
    this.#write(counter ?? this.entries.counter(key), this.slot, main, side, null);
  }

  /** Adds an element; where it is in the set, so that it stays should another replica remove it now. */
  addElement(key: string, part: string, form: Form): void {
    const set = this.entries.sets.get(key);
    this.#checkRoom(set, part, form);
    this.#write(set ?? this.entries.set(key), part, 0, form, null);
  }

  /** Removes an element; false where it is not in the set. */
  removeElement(key: string, part: string, form: Form): boolean {
    const set = this.entries.sets.get(key);
    return set !== undefined && this.#clear(set.first(part, form), set, part, form);
  }

  /** The writer of this id, a new one where it is not known. */
  writer(id: string): Writer {
    let writer = this.writers.get(id);
    if (writer === undefined) this.writers.set(id, (writer = new Writer(id)));
    return writer;
  }

  /** Where the state is full, only what is there can be written. */
  #checkRoom(home: Home | undefined, part: string, form: Form): void {
    if (this.entries.size >= MOST_ENTRIES && !home?.first(part, form)) throw new StateFullError(MOST_ENTRIES);
  }

  /** One operation that overwrites a cell. */
  #write(home: Home, part: string, main: number, side: number, value: JsonValue): void {
    const { self } = this;
    const dot = new Dot(self, ++self.seq, home, part, main, side, value);
    const first = this.entries.overwrite(dot);
    if (!this.#isTelling) this.told = self.seq;
    else if (first && (first.beside || first.writer !== self))
      this.#mustTell(dot.seq, home, part, formOfPart(dot), first);
  }

  /** One operation that empties a cell; false where it is empty. */
  #clear(first: Dot | undefined, home: Home, part: string, form: Form): boolean {
    if (!first) return false;
    for (let dot: Dot | undefined = first; dot; dot = dot.beside) this.entries.unlink(dot);
    const seq = ++this.self.seq;
    if (!this.#isTelling) this.told = seq;
    // Also when all of it was our own: that an operation leaves nothing is the news then.
    else this.#mustTell(seq, home, part, form, first);
    return true;
  }

  #mustTell(seq: number, home: Home, part: string, form: Form, first: Dot): void {
    const removed: Dot[] = [];
    for (let dot: Dot | undefined = first; dot; dot = dot.beside) if (dot.writer !== this.self) removed.push(dot);
    this.untold.push({ seq, home, part, form, removed });
  }
}
