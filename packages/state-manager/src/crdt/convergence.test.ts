import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { viewOf, type ModelOperation } from "../../test/_support/model.ts";
import { countingRandom, SimulatedReplica } from "../../test/_support/simulated-replica.ts";
import { encodeState } from "../codec/state-codec.ts";

const RUNS = Number(process.env["SIGNALBOX_STATE_RUNS"] ?? 150);

const MOST_DELIVERIES = 100_000;

/** One thing that happens; the numbers choose who and what. */
type Step = readonly [what: number, who: number, which: number, value: number];

// Without a size fast-check makes ten steps at most, in which hardly anything can go wrong.
const steps = fc.array(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99)), { maxLength: 120, size: "max" });

/** Three or four replicas and everything that is on its way between them. */
class World {
  readonly replicas: SimulatedReplica[];
  readonly #onTheWay: { readonly to: SimulatedReplica; readonly delta: Uint8Array }[] = [];
  history: ModelOperation[] = [];

  constructor(count: number) {
    const random = countingRandom();
    this.replicas = Array.from({ length: count }, (_, index) => new SimulatedReplica(`slot${index}`, random));
  }

  do([what, who, which, value]: Step): void {
    const replica = this.replicas[who % this.replicas.length]!;
    if (what < 45) return this.#operate(replica, which, value);
    if (what < 60) return this.#send(replica, which);
    if (what < 80) return this.#deliver(which, value);
    if (what < 84) return this.#pull(replica, which, value);
    if (what < 88) return this.#jump(replica, value);
    if (what < 92) return replica.compact();
    if (what < 96) return this.#lose(which);
    this.#crash(replica);
  }

  #operate(replica: SimulatedReplica, which: number, value: number): void {
    const kinds = ["set", "set", "delete", "add", "add", "add", "remove", "remove", "count", "count"] as const;
    const kind = kinds[which % kinds.length]!;
    const key = `key${value % 2}`;
    const values = ["a", { path: "/", method: "GET" }, { method: "GET", path: "/" }, [1, null, "é日本"], 7];
    const operation = replica.operate(kind, key, kind === "count" ? (value % 9) - 3 : values[value % values.length]);
    if (operation) this.history.push(operation);
  }

  #send(replica: SimulatedReplica, which: number): void {
    // Small pieces, so that one reaches the others without the next.
    for (const delta of replica.flush(which % 2 === 0 ? 60 : undefined)) {
      for (const to of this.replicas) if (to !== replica) this.#onTheWay.push({ to, delta });
    }
  }

  /** Any of those on the way, so that order is lost; one in three stays there to come again, and what came too early does. */
  #deliver(which: number, value: number): void {
    const item = this.#onTheWay[which % Math.max(1, this.#onTheWay.length)];
    if (item && item.to.receive(item.delta) !== "gap" && value % 3 !== 0) this.#lose(which);
  }

  /** Everything that was told arrives, in an order that the numbers choose. */
  deliverAll(choices: Iterator<number>): void {
    for (const replica of this.replicas) this.#send(replica, 0);
    for (let left = MOST_DELIVERIES; this.#onTheWay.length > 0 && left > 0; left--) {
      this.#deliver(choices.next().value as number, 1);
    }
    if (this.#onTheWay.length > 0) throw new Error(`${this.#onTheWay.length} deltas never arrive`);
  }

  #lose(which: number): void {
    this.#onTheWay.splice(which % Math.max(1, this.#onTheWay.length), 1);
  }

  #pull(replica: SimulatedReplica, which: number, value: number): void {
    const from = this.replicas[which % this.replicas.length]!;
    if (from !== replica) replica.pull(from, value % 2 === 0 ? 1 : 64);
  }

  #jump(replica: SimulatedReplica, value: number): void {
    const jumps = [-86_400_000, -1_000, 1, 1_000, 3_600_000, 31_536_000_000, -31_536_000_000];
    replica.clock.nowMs = Math.max(0, replica.clock.nowMs + jumps[value % jumps.length]!);
  }

  #crash(replica: SimulatedReplica): void {
    const lost = new Set(replica.crash());
    this.history = this.history.filter(({ name }) => !lost.has(name));
  }

  /** Everybody pulls from those who have seen more, in an order that the number chooses, and from nobody else. */
  heal(order: number): void {
    const { replicas } = this;
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < replicas.length; index++) {
        const to = replicas.at((order % 2 === 0 ? index + order : -index - order) % replicas.length)!;
        for (const from of replicas) if (to.lacks(from)) to.pull(from, 100);
      }
    }
  }
}

describe("replicas", () => {
  // Seen red with `removeOlder` left out, with joins that keep every dot, and with joins that
  // heed or pass on no early removals.
  it("agree with the model after loss, duplicates, disorder, partitions, crashes, compaction and jumping clocks", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(3, 4), fc.nat(20), (all, count, order) => {
        const world = new World(count);

        for (const step of all) world.do(step);
        world.heal(order);

        const expected = viewOf(world.history);
        for (const replica of world.replicas) expect(replica.view()).toEqual(expected);
        const [first, ...others] = world.replicas.map(({ replica }) =>
          Buffer.from(encodeState(replica)[0]!).toString("hex"),
        );
        for (const other of others) expect(other).toBe(first);
        expect(new Set(world.replicas.map(({ replica }) => replica.entries.digest.toString())).size).toBe(1);
      }),
      { numRuns: RUNS },
    );
  });

  // Seen red with early removals not kept in mind, and with gaps that are passed over.
  it("agree when they heard nothing but deltas, each at least once and in any order", () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (all, choices) => {
        const world = new World(3);

        // Operations, sending and arriving: nothing is lost, and nobody is given a whole state.
        for (const step of all.filter(([what]) => what < 80)) world.do(step);
        world.deliverAll(choices[Symbol.iterator]());

        const expected = viewOf(world.history);
        for (const replica of world.replicas) expect(replica.view()).toEqual(expected);
        expect(new Set(world.replicas.map(({ replica }) => replica.entries.digest.toString())).size).toBe(1);
      }),
      { numRuns: RUNS },
    );
  });
});
