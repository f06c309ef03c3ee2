import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";

import { DistributedStateManager, mergeSnapshots } from "../src/index.ts";
import { canonical, viewOf, type ModelOperation, type View } from "./_support/model.ts";
import { Replicas } from "./_support/replicas.ts";

const RUNS = Number(process.env["SIGNALBOX_STATE_RUNS"] ?? 100);
vi.setConfig({ testTimeout: 15_000 + 100 * RUNS });

/** Under this key, which the model does not know, each operation leaves its name, so that a replica shows what it has seen. */
const SEEN = "seen";
const VALUES = ["a", { path: "/", method: "GET" }, { method: "GET", path: "/" }, [1, null, "é日本"], 7];
const KINDS = ["set", "set", "delete", "add", "add", "add", "remove", "remove", "count", "count"] as const;
const JUMPS_MS = [-86_400_000, -1_000, 61_000, 3_600_000, 200 * 86_400_000, -200 * 86_400_000, 9e12, -9e12];

/** One thing that happens; the numbers choose what, who and with what. */
type Step = readonly [what: number, who: number, which: number, value: number];

const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99));
const steps = fc.array(step, { maxLength: 100, size: "max" });

/** What was done so far, to all replicas together. */
class History {
  readonly #clock: { now(): number; advance(ms: number): void };
  readonly operations: ModelOperation[] = [];

  constructor(clock: { now(): number; advance(ms: number): void }) {
    this.#clock = clock;
  }

  /** Does something on a replica and keeps what it was, unless it had no effect. */
  operate(manager: DistributedStateManager, which: number, value: number): void {
    const kind = KINDS[which % KINDS.length]!;
    const key = `key${value % 2}`;
    const chosen = kind === "count" ? (value % 9) - 3 : VALUES[value % VALUES.length]!;
    const seen = new Set(manager.getSet<string>(SEEN));
    // A moment of its own, so that the order of writes is known.
    this.#clock.advance(1);
    if (!apply(manager, kind, key, chosen)) return;
    const seq = this.operations.length;
    const name = `operation ${seq}`;
    manager.addToSet(SEEN, name);
    this.operations.push({
      name,
      writerId: manager.replicaId,
      seq,
      cell: cellOf(kind, key, chosen),
      kind,
      key,
      value: chosen,
      stamp: this.#clock.now(),
      seen,
    });
  }

  /** What a replica has to show that has seen these operations. */
  expected(names: readonly string[]): View {
    const seen = new Set(names);
    return viewOf(this.operations.filter(({ name }) => seen.has(name)));
  }

  get names(): string[] {
    return this.operations.map(({ name }) => name).sort();
  }
}

function apply(manager: DistributedStateManager, kind: ModelOperation["kind"], key: string, value: unknown): boolean {
  if (kind === "delete") return manager.deleteRegister(key);
  if (kind === "remove") return manager.removeFromSet(key, value);
  if (kind === "set") manager.setRegister(key, value);
  else if (kind === "add") manager.addToSet(key, value);
  else if (Number(value) < 0) manager.decrementCounter(key, -Number(value));
  else manager.incrementCounter(key, Number(value));
  return kind !== "count" || value !== 0;
}

function cellOf(kind: ModelOperation["kind"], key: string, value: unknown): string {
  if (kind === "set" || kind === "delete") return `register ${key}`;
  return kind === "count" ? `counter ${key}` : `element ${key} ${canonical(value)}`;
}

function shownBy(manager: DistributedStateManager): View {
  const view: View = { registers: {}, counters: {}, sets: {} };
  for (const key of manager.keys("register")) view.registers[key] = manager.getRegister(key);
  for (const key of manager.keys("counter")) view.counters[key] = manager.getCounter(key);
  for (const key of manager.keys("set").filter((name) => name !== SEEN)) {
    view.sets[key] = manager.getSet(key).map(canonical).sort();
  }
  return view;
}

/** Replicas without a bus: a test carries snapshots and deltas. */
class ByHand {
  readonly #time = { nowMs: Date.UTC(2026, 0, 1) };
  readonly history = new History({ now: () => this.#time.nowMs, advance: (ms) => (this.#time.nowMs += ms) });
  readonly managers: DistributedStateManager[];
  readonly #deltas: Uint8Array[] = [];
  readonly #snapshots: Uint8Array[] = [];

  constructor(count: number) {
    const clock = { now: () => this.#time.nowMs, setTimer: () => ({ cancel: () => {} }) };
    this.managers = Array.from({ length: count }, () => {
      const manager = new DistributedStateManager("shop", { bus: false, clock });
      return manager.on("delta", ({ bytes }) => this.#deltas.push(bytes.slice()));
    });
  }

  do([what, who, which, value]: Step): void {
    const manager = this.managers[who % this.managers.length]!;
    if (what < 50) this.history.operate(manager, which, value);
    else if (what < 65) manager.flush();
    else if (what < 70) this.#snapshots.push(manager.snapshot());
    else if (what < 75) this.#merge(manager, which);
    else this.#applyDelta(manager, which);
  }

  /** Any snapshot that was ever made, also an older one of its own. */
  #merge(manager: DistributedStateManager, which: number): void {
    const snapshot = this.#snapshots[which % Math.max(1, this.#snapshots.length)];
    if (snapshot) manager.merge(snapshot);
  }

  /** Any delta that was ever made: early, late or again. */
  #applyDelta(manager: DistributedStateManager, which: number): void {
    const delta = this.#deltas[which % Math.max(1, this.#deltas.length)];
    if (delta) manager.applyDelta(delta);
  }
}

describe("snapshots and deltas carried by hand, in any order, again and again", () => {
  it("show at each moment what the model shows of what has arrived, and in the end everywhere the same bytes", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 2, max: 4 }), (all, count) => {
        const { managers, history } = withSteps(new ByHand(count), all, (hand) => {
          for (const manager of hand.managers) {
            expect(shownBy(manager)).toEqual(hand.history.expected(manager.getSet(SEEN)));
          }
        });

        const snapshots = managers.map((manager) => manager.snapshot());
        for (const manager of managers) for (const snapshot of snapshots) manager.merge(snapshot);

        const expected = history.expected(history.names);
        for (const manager of managers) {
          expect(manager.getSet(SEEN)).toEqual(history.names);
          expect(shownBy(manager)).toEqual(expected);
          expect(hex(manager.snapshot())).toBe(hex(managers[0]!.snapshot()));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("merge commutatively, associatively and idempotently, to the byte, and as a manager does", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { managers } = withSteps(new ByHand(3), all);
        const [a, b, c] = managers.map((manager) => manager.snapshot()) as [Uint8Array, Uint8Array, Uint8Array];

        const ab = mergeSnapshots(a, b);
        const abc = mergeSnapshots(ab, c);

        expect(hex(mergeSnapshots(b, a))).toBe(hex(ab));
        expect(hex(mergeSnapshots(a, mergeSnapshots(b, c)))).toBe(hex(abc));
        expect(hex(mergeSnapshots(a, a))).toBe(hex(a));
        expect(hex(mergeSnapshots(abc, b))).toBe(hex(abc));
        managers[2]!.merge(ab);
        expect(hex(managers[2]!.snapshot())).toBe(hex(abc));
      }),
      { numRuns: RUNS },
    );
  });

  it("tell of the changes that a reader sees, neither more nor less", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const world = new ByHand(3);
        const mirrors = world.managers.map(mirrorOf);

        withSteps(world, all);

        for (const [index, manager] of world.managers.entries()) {
          expect(mirrors[index]).toEqual(withoutZeros(shownBy(manager)));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function withSteps<World extends { do(step: Step): void }>(
  world: World,
  all: readonly Step[],
  afterEach: (world: World) => void = () => {},
): World {
  for (const one of all) {
    world.do(one);
    afterEach(world);
  }
  return world;
}

/** A counter at 0 reads like one that is not there, so nobody is told when it comes to be. */
function withoutZeros(view: View): View {
  return { ...view, counters: Object.fromEntries(Object.entries(view.counters).filter(([, value]) => value !== 0)) };
}

/** What is known of a replica from its events alone. */
function mirrorOf(manager: DistributedStateManager): View {
  const view: View = { registers: {}, counters: {}, sets: {} };
  manager.on("changed", (change) => {
    if (change.kind === "counter") {
      if (change.value === 0) delete view.counters[change.key];
      else view.counters[change.key] = change.value;
    } else if (change.kind === "register") {
      if (change.value === undefined) delete view.registers[change.key];
      else view.registers[change.key] = change.value;
    } else if (change.key !== SEEN) changeSet(view.sets, change.key, change.change, canonical(change.value));
  });
  return view;
}

function changeSet(sets: View["sets"], key: string, change: "added" | "removed", element: string): void {
  const before = sets[key] ?? [];
  expect(before.includes(element)).toBe(change === "removed");
  sets[key] = change === "added" ? [...before, element].sort() : before.filter((other) => other !== element);
  if (sets[key].length === 0) delete sets[key];
}

/** Replicas on a bus that loses, duplicates and reorders. */
class OnBus {
  readonly replicas: Replicas;
  readonly history: History;
  readonly #hasJumps: boolean;
  #hosts = 0;

  constructor(seed: number, count: number, hasJumps = false) {
    this.replicas = new Replicas(seed);
    this.history = new History(this.replicas.clock);
    this.#hasJumps = hasJumps;
    this.replicas.network.isReliable = false;
    for (let index = 0; index < count; index++) this.#join();
  }

  do([what, who, which, value]: Step): void {
    const { network, clock, all } = this.replicas;
    const manager = all[who % all.length]!;
    if (what < 50) this.history.operate(manager, which, value);
    else if (what < 65) manager.flush();
    else if (what < 82) network.deliver({ loss: which / 200, duplication: value / 200 }, 1 + (value % 12));
    else if (what < 86) network.partition([], [hostOf(manager), `host${which % 4}`]);
    else if (what < 88) network.partition(["host0"], [`host${which % 4}`, `host${value % 4}`]);
    else if (what < 93) clock.advance([300, 1_100, 2_100, 31_000][which % 4]!);
    else if (what < 95 && all.length < 5) this.#join();
    else if (this.#hasJumps) this.replicas.offsetsMs.set(hostOf(manager), JUMPS_MS[value % JUMPS_MS.length]!);
  }

  /** The network is good again, and time goes on. */
  heal(): void {
    this.replicas.network.heal();
    this.replicas.compare(4);
  }

  #join(): void {
    this.replicas.add(`host${this.#hosts++}`);
  }
}

function hostOf({ replicaId }: DistributedStateManager): string {
  return replicaId.slice(0, replicaId.indexOf("."));
}

const seed = fc.nat();
const count = fc.integer({ min: 2, max: 4 });

describe("replicas on a bus that loses, duplicates, reorders and divides", () => {
  it("show what the model shows when they have compared what they have", () => {
    fc.assert(
      fc.property(steps, seed, count, (all, ...world) => {
        const { replicas, history } = healed(new OnBus(...world), all);

        const expected = history.expected(history.names);
        for (const manager of replicas.all) {
          expect(manager.getSet(SEEN)).toEqual(history.names);
          expect(shownBy(manager)).toEqual(expected);
          expect(hex(manager.snapshot())).toBe(hex(replicas.all[0]!.snapshot()));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("show the same, and a register a value that nobody has seen and overwritten, when clocks jump by years", () => {
    fc.assert(
      fc.property(steps, seed, count, (all, ...world) => {
        const { replicas, history } = healed(new OnBus(...world, true), all);

        const { counters, sets } = history.expected(history.names);
        const first = shownBy(replicas.all[0]!);
        expect(first).toMatchObject({ counters, sets });
        for (const manager of replicas.all) expect(shownBy(manager)).toEqual(first);
        const writes = history.operations.filter(({ kind }) => kind === "set" || kind === "delete");
        for (const key of ["key0", "key1"]) {
          const live = writes.filter(
            (one) =>
              one.key === key &&
              one.kind === "set" &&
              !writes.some((other) => other.key === key && other.seen.has(one.name)),
          );
          const possible = live.length === 0 ? [undefined] : live.map(({ value }) => value);
          expect(possible).toContainEqual(first.registers[key]);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("show what is written when all have seen everything, whatever their clocks say", () => {
    fc.assert(
      fc.property(steps, seed, count, fc.nat(99), (all, network, replicas, who) => {
        const { replicas: world } = healed(new OnBus(network, replicas, true), all);
        const writer = world.all[who % world.all.length]!;

        writer.setRegister("key0", "written last");
        writer.setRegister("key1", 1);
        writer.deleteRegister("key1");
        world.compare(1);

        for (const manager of world.all) {
          expect(manager.getRegister("key0")).toBe("written last");
          expect(manager.getRegister("key1")).toBeUndefined();
        }
      }),
      { numRuns: RUNS },
    );
  });
});

function healed(world: OnBus, all: readonly Step[]): OnBus {
  for (const one of all) world.do(one);
  world.heal();
  return world;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
