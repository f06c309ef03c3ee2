import { Counter } from "./counter.ts";
import { Digest } from "./digest.ts";
import { formOfPart, Registers, type Home } from "./home.ts";
import type { Dot } from "./dot.ts";
import { KIND, type Form, type Kind } from "./kinds.ts";
import { ObservedSet } from "./observed-set.ts";

/** Is told of a cell before anything in it changes. */
export type CellObserver = (home: Home, part: string, form: Form) => void;

/** All that the state holds, found by key; and all its dots, in their cells and in the lists of their writers. */
export class Entries {
  readonly registers = new Registers(KIND.register);
  readonly exports = new Registers(KIND.export);
  readonly counters = new Map<string, Counter>();
  readonly sets = new Map<string, ObservedSet>();
  readonly digest = new Digest();
  /** How many dots there are. */
  size = 0;
  observer: CellObserver | undefined = undefined;

  /** The home of cells of this kind and key; a new one where there is none, to which something is to be added. */
  home(kind: Kind, key: string): Home {
    switch (kind) {
      case KIND.register:
        return this.registers;
      case KIND.export:
        return this.exports;
      case KIND.counter:
        return this.counter(key);
      case KIND.set:
        return this.set(key);
    }
  }

  counter(key: string): Counter {
    let counter = this.counters.get(key);
    if (counter === undefined) this.counters.set(key, (counter = new Counter(key)));
    return counter;
  }

  set(key: string): ObservedSet {
    let set = this.sets.get(key);
    if (set === undefined) this.sets.set(key, (set = new ObservedSet(key)));
    return set;
  }

  /** Adds a dot that is later than all others of its writer. */
  link(dot: Dot): void {
    const { home, part } = dot;
    const form = formOfPart(dot);
    this.observer?.(home, part, form);
    const first = home.swapFirst(part, form, dot);
    if (first) home.weigh(first, -1);
    dot.beside = first;
    home.weigh(dot, 1);
    this.#remember(dot);
  }

  /** Adds a dot that is later than all others of its writer and overwrites its cell; returns what was first there. */
  overwrite(dot: Dot): Dot | undefined {
    const { home, part } = dot;
    const form = formOfPart(dot);
    this.observer?.(home, part, form);
    const first = home.swapFirst(part, form, dot);
    if (first) home.weigh(first, -1);
    for (let old = first; old; old = old.beside) this.#forget(old);
    home.weigh(dot, 1);
    this.#remember(dot);
    return first;
  }

  /** Takes a dot away, and what is empty then. */
  unlink(dot: Dot): void {
    const { home, part } = dot;
    const form = formOfPart(dot);
    const first = home.first(part, form);
    if (!first) return;
    this.observer?.(home, part, form);
    home.weigh(first, -1);
    const left = without(first, dot);
    if (left) {
      if (left !== first) home.swapFirst(part, form, left);
      home.weigh(left, 1);
    } else {
      home.dropPart(part, form);
      this.dropIfEmpty(home);
    }
    this.#forget(dot);
  }

  /** A counter or set in which nothing is left is as if it had never been. */
  dropIfEmpty(home: Home): void {
    if (home instanceof ObservedSet && home.size === 0) this.sets.delete(home.key);
    else if (home instanceof Counter && home.size === 0) this.counters.delete(home.key);
  }

  #remember(dot: Dot): void {
    const { writer, seq } = dot;
    writer.append(dot);
    this.digest.toggle(writer, seq);
    this.size++;
  }

  #forget(dot: Dot): void {
    const { writer, seq } = dot;
    writer.remove(dot);
    this.digest.toggle(writer, seq);
    this.size--;
  }
}

/** A cell's dots without one of them. */
function without(first: Dot, dot: Dot): Dot | undefined {
  if (first === dot) return dot.beside;
  for (let before: Dot | undefined = first; before; before = before.beside) {
    if (before.beside === dot) before.beside = dot.beside;
  }
  return first;
}
