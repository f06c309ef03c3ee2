import type { Home } from "./crdt/home.ts";
import type { Dot } from "./crdt/dot.ts";
import type { Entries } from "./crdt/entries.ts";
import { KIND, type Form } from "./crdt/kinds.ts";
import { winnerOf } from "./crdt/register.ts";
import type { StateChange } from "./events.ts";
import { elementOf } from "./value/element.ts";
import { canonicalJson, cloneValue } from "./value/json-value.ts";

/** Finds out what readers see changed: notes what they saw in each cell before it was touched, and compares. */
export class ChangeWatch {
  readonly #entries: Entries;
  readonly #registers = new Map<string, Dot | undefined>();
  readonly #counters = new Map<string, number>();
  readonly #elements = new Map<string, Element>();

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** From now on cells are noted. */
  begin(): void {
    this.#entries.observer = (home, part, form) => this.#note(home, part, form);
  }

  /** What has changed since `begin`. `replicaId` is whose doing it was; where that is not known, it is looked for. */
  end(origin: "local" | "remote", replicaId: string | undefined): StateChange[] {
    this.#entries.observer = undefined;
    const changes: StateChange[] = [];
    for (const [key, before] of this.#registers) this.#compareRegister(key, before, origin, replicaId, changes);
    for (const [key, before] of this.#counters) {
      const value = this.#totalOf(key);
      if (!Object.is(value, before)) changes.push({ kind: "counter", key, value, origin, replicaId });
    }
    for (const element of this.#elements.values()) this.#compareElement(element, origin, replicaId, changes);
    this.#registers.clear();
    this.#counters.clear();
    this.#elements.clear();
    return changes;
  }

  #note(home: Home, part: string, form: Form): void {
    if (home.kind === KIND.register) this.#noteRegister(part);
    else if (home.kind === KIND.counter) this.#noteCounter(home.key);
    else if (home.kind === KIND.set) this.#noteElement(home, part, form);
  }

  #noteRegister(key: string): void {
    if (!this.#registers.has(key)) this.#registers.set(key, this.#shownBy(key));
  }

  #noteCounter(key: string): void {
    if (!this.#counters.has(key)) this.#counters.set(key, this.#totalOf(key));
  }

  #noteElement(home: Home, part: string, form: Form): void {
    const name = `${form}${home.key.length}:${home.key}${part}`;
    if (this.#elements.has(name)) return;
    this.#elements.set(name, { key: home.key, part, form, wasThere: home.first(part, form) !== undefined });
  }

  #compareRegister(
    key: string,
    before: Dot | undefined,
    origin: "local" | "remote",
    replicaId: string | undefined,
    changes: StateChange[],
  ): void {
    const now = this.#shownBy(key);
    if (now === before || (now && before && canonicalJson(now.value) === canonicalJson(before.value))) return;
    const value: unknown = now && cloneValue(now.value);
    changes.push({ kind: "register", key, value, origin, replicaId: replicaId ?? now?.writer.id });
  }

  #compareElement(
    { key, part, form, wasThere }: Element,
    origin: "local" | "remote",
    replicaId: string | undefined,
    changes: StateChange[],
  ): void {
    const dot = this.#entries.sets.get(key)?.first(part, form);
    if ((dot !== undefined) === wasThere) return;
    const value: unknown = elementOf(part, form);
    const change = dot ? "added" : "removed";
    changes.push({ kind: "set", key, change, value, origin, replicaId: replicaId ?? dot?.writer.id });
  }

  #totalOf(key: string): number {
    const counter = this.#entries.counters.get(key);
    return counter ? (counter.total() ?? Number.NaN) : 0;
  }

  #shownBy(key: string): Dot | undefined {
    const first = this.#entries.registers.first(key);
    return first && winnerOf(first);
  }
}

interface Element {
  readonly key: string;
  readonly part: string;
  readonly form: Form;
  readonly wasThere: boolean;
}
