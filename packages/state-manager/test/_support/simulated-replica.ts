import { decodeDelta, DeltaEncoder } from "../../src/codec/delta-codec.ts";
import { decodeState, encodeState } from "../../src/codec/state-codec.ts";
import { versionsOf } from "../../src/codec/versions-codec.ts";
import { applyDelta, type Applied } from "../../src/crdt/apply-delta.ts";
import type { Dot } from "../../src/crdt/dot.ts";
import { formOfPart } from "../../src/crdt/home.ts";
import { HybridClock } from "../../src/crdt/hybrid-clock.ts";
import { joinSegments } from "../../src/crdt/join.ts";
import { winnerOf } from "../../src/crdt/register.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { newReplicaId } from "../../src/ids.ts";
import { copyValue } from "../../src/value/copy-value.ts";
import { elementOf, formOf, partOf } from "../../src/value/element.ts";
import { canonical, type ModelOperation, type View } from "./model.ts";

/** Random bytes that a test knows beforehand. */
export function countingRandom(): (count: number) => Uint8Array {
  let next = 0;
  return (count) => {
    next++;
    return Uint8Array.from({ length: count }, (_, index) => (index < 4 ? 0 : next >>> (8 * (index - 4))));
  };
}

/** What is kept of a replica when its process ends: what it had stored, in order. */
type Stored = { readonly delta: Uint8Array } | { readonly state: readonly Uint8Array[] };

/** A replica with its clock and its disk, and the names of the operations that it has seen, for the model. */
export class SimulatedReplica {
  readonly slot: string;
  readonly clock = { nowMs: 1_700_000_000_000 };
  readonly #random: (count: number) => Uint8Array;
  readonly #encoder = new DeltaEncoder();
  #replica: Replica;
  #hybrid: HybridClock;
  #stored: Stored[] = [];
  seen = new Set<string>();
  #seenOnDisk = new Set<string>();

  constructor(slot: string, random: (count: number) => Uint8Array) {
    this.slot = slot;
    this.#random = random;
    [this.#replica, this.#hybrid] = this.#newLife();
  }

  get replica(): Replica {
    return this.#replica;
  }

  /** Does something; returns what the model is to remember, undefined where it had no effect. */
  operate(kind: ModelOperation["kind"], key: string, value: unknown): ModelOperation | undefined {
    const { self } = this.#replica;
    const before = self.seq;
    const seen = new Set(this.seen);
    const stamp = this.#hybrid.tick();
    this.#apply(kind, key, value, stamp);
    if (self.seq === before) return undefined;
    const name = `${self.id}:${self.seq}`;
    this.seen.add(name);
    const cell = kind === "count" ? name : `${kind === "set" || kind === "delete" ? "register" : "set"} ${key}`;
    const isElement = kind === "add" || kind === "remove";
    return {
      name,
      writerId: self.id,
      seq: self.seq,
      cell: isElement ? `${cell} ${canonical(value)}` : cell,
      kind,
      key,
      value,
      stamp,
      seen,
    };
  }

  #apply(kind: ModelOperation["kind"], key: string, value: unknown, stamp: number): void {
    const { registers } = this.#replica.entries;
    const copy = copyValue(value);
    if (kind === "set") this.#replica.setRegister(registers, key, copy, stamp);
    else if (kind === "delete") this.#replica.deleteRegister(registers, key);
    else if (kind === "add") this.#replica.addElement(key, partOf(copy), formOf(copy));
    else if (kind === "remove") this.#replica.removeElement(key, partOf(copy), formOf(copy));
    else this.#replica.count(key, Math.max(0, value as number), Math.max(0, -(value as number)));
  }

  /** Stores what it did since, and returns it for the others. */
  flush(mostBytes?: number): Uint8Array[] {
    const deltas: Uint8Array[] = [];
    for (let delta = this.#take(mostBytes); delta; delta = this.#take(mostBytes)) deltas.push(delta);
    this.#stored.push(...deltas.map((delta) => ({ delta })));
    this.#seenOnDisk = new Set(this.seen);
    return deltas;
  }

  #take(mostBytes: number | undefined): Uint8Array | undefined {
    return this.#encoder.take(this.#replica, mostBytes);
  }

  /** Takes a delta of another. */
  receive(delta: Uint8Array): Applied {
    const decoded = decodeDelta(delta);
    const applied = applyDelta(this.#replica, decoded);
    if (applied !== "applied") return applied;
    this.#observeStamps();
    for (let seq = decoded.from + 1; seq <= decoded.to; seq++) this.seen.add(`${decoded.writerId}:${seq}`);
    this.#stored.push({ delta });
    return applied;
  }

  /** Whether another has seen an operation that it has not. */
  lacks(other: SimulatedReplica): boolean {
    other.flush();
    const ours = versionsOf(this.#replica);
    return [...versionsOf(other.replica)].some(([id, seq]) => seq > (ours.get(id) ?? 0));
  }

  /** Takes what it lacks from another, whole. What the other tells is on its disk first. */
  pull(from: SimulatedReplica, pageBytes: number): void {
    from.flush();
    const pages = encodeState(from.replica, { pageBytes, seen: versionsOf(this.#replica) });
    joinSegments(this.#replica, decodeState(pages));
    this.#observeStamps();
    for (const name of from.seen) this.seen.add(name);
    this.#stored.push({ state: pages });
  }

  /** Its process is killed and begun again; returns the names of the operations that were lost with it. */
  crash(): string[] {
    const lost = [...this.seen].filter(
      (name) => !this.#seenOnDisk.has(name) && name.startsWith(`${this.#replica.self.id}:`),
    );
    [this.#replica, this.#hybrid] = this.#newLife();
    for (const item of this.#stored) {
      if ("delta" in item) applyDelta(this.#replica, decodeDelta(item.delta));
      else joinSegments(this.#replica, decodeState(item.state));
    }
    this.#observeStamps();
    for (const name of lost) this.seen.delete(name);
    return lost;
  }

  /** What was stored becomes one snapshot. */
  compact(): void {
    this.flush();
    this.#stored = [{ state: encodeState(this.#replica) }];
  }

  view(): View {
    const { entries } = this.#replica;
    const view: View = { registers: {}, counters: {}, sets: {} };
    for (const key of entries.registers.keys()) {
      view.registers[key] = winnerOf(entries.registers.first(key) as Dot).value;
    }
    for (const [key, counter] of entries.counters) view.counters[key] = counter.total() ?? Number.NaN;
    for (const [key, set] of entries.sets) {
      view.sets[key] = set
        .sorted()
        .map((dot) => JSON.stringify(elementOf(dot.part, formOfPart(dot))))
        .sort();
    }
    return view;
  }

  #newLife(): [Replica, HybridClock] {
    const id = newReplicaId(undefined, this.clock.nowMs, this.#random);
    return [new Replica({ id, slot: this.slot }), new HybridClock(() => this.clock.nowMs)];
  }

  #observeStamps(): void {
    const { registers } = this.#replica.entries;
    for (const key of registers.keys()) this.#hybrid.observe(winnerOf(registers.first(key) as Dot).main);
  }
}
