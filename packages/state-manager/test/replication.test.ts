import { describe, expect, it } from "vitest";

import {
  DistributedStateManager,
  ForgedDeltaError,
  InvalidDeltaError,
  STATE_LIMITS,
  StateError,
  type MessageRefused,
} from "../src/index.ts";
import { seeded } from "./_support/lossy-network.ts";
import { Replicas, viewOfState } from "./_support/replicas.ts";

const SYNC = "plugin/shop/state/sync";

function expectAlike(replicas: Replicas): void {
  const [first, ...others] = replicas.all;
  for (const other of others) {
    expect(viewOfState(other)).toEqual(viewOfState(first!));
    expect(Buffer.from(other.snapshot()).equals(first!.snapshot())).toBe(true);
  }
}

describe("replicas of one plugin", () => {
  it("have each other's registers, counters and sets as soon as these are flushed", () => {
    const replicas = new Replicas();
    const [a, b, c] = [replicas.add("a"), replicas.add("b"), replicas.add("c")];

    a.setRegister("currency", { code: "EUR", digits: 2 });
    b.incrementCounter("orders", 5);
    c.decrementCounter("orders", 2);
    b.addToSet("routes", { path: "/", method: "GET" });
    c.addToSet("routes", { method: "GET", path: "/" });
    replicas.flush();

    for (const manager of replicas.all) {
      expect(manager.getRegister("currency")).toEqual({ code: "EUR", digits: 2 });
      expect(manager.getCounter("orders")).toBe(3);
      expect(manager.getSet("routes")).toEqual([{ method: "GET", path: "/" }]);
    }
    expectAlike(replicas);
  });

  it("hear of each other's changes without a flush, when the turn of the event loop is over", async () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    const heard = new Promise((resolve) => b.on("changed", resolve));

    a.setRegister("x", 1);

    expect(await heard).toEqual({
      kind: "register",
      key: "x",
      value: 1,
      origin: "remote",
      replicaId: a.replicaId,
    });
  });

  it("give everything to one that joins, also what was removed and counted before", async () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    for (let n = 0; n < 500; n++) {
      a.setRegister(`register ${n}`, { n });
      b.addToSet("numbers", n);
      a.incrementCounter("count", n);
    }
    replicas.flush();
    a.removeFromSet("numbers", 7);
    b.deleteRegister("register 9");
    replicas.flush();

    const joining = replicas.add("joining");
    await joining.joined();

    expect(joining.getSet("numbers")).toHaveLength(499);
    expect(joining.getRegister("register 9")).toBeUndefined();
    expect(joining.getCounter("count")).toBe((499 * 500) / 2);
    expectAlike(replicas);
  });

  it("give one that joins what was done before anybody else was there", async () => {
    const replicas = new Replicas();
    const first = replicas.add("first");
    first.setRegister("early", "bird");
    first.addToSet("birds", "early");
    first.incrementCounter("birds");

    const joining = replicas.add("joining");
    await joining.joined();

    expect(viewOfState(joining)).toEqual({
      registers: { early: "bird" },
      counters: { birds: 1 },
      sets: { birds: ["early"] },
    });
  });

  it("are joined when nobody has answered for a quarter of a second", async () => {
    const replicas = new Replicas();
    const alone = replicas.add("alone");
    let isJoined = false;
    const joined = alone.joined().then(() => (isJoined = true));
    replicas.clock.advance(STATE_LIMITS["join.waitMs"].value - 1);
    await Promise.resolve();
    expect(isJoined).toBe(false);

    replicas.clock.advance(1);
    await joined;

    expect(isJoined).toBe(true);
  });

  it("transfer a state of many messages' size", async () => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    const large = "x".repeat(100_000);
    for (let n = 0; n < 12; n++) a.setRegister(`large ${n}`, large + n);
    for (let n = 0; n < 5; n++) a.addToSet("large", `${n}${large}`);
    a.flush();

    const joining = replicas.add("joining");
    await joining.joined();

    expect(a.snapshot().length).toBeGreaterThan(4 * 262_144);
    expectAlike(replicas);
  });

  it("are told changes of many messages' size that were made in one turn", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    const troubles: unknown[] = [];
    a.on("sync-failed", ({ error }) => troubles.push(error));

    for (let n = 0; n < 12; n++) a.setRegister(`large ${n}`, "é".repeat(60_000) + n);
    a.flush();

    expect(b.keys("register")).toHaveLength(12);
    expect(troubles).toEqual([]);
    expectAlike(replicas);
  });

  it("transfer a value at the limit of values, which is longest in base64", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    const value = "x".repeat(STATE_LIMITS["value.bytes"].value - 2);

    a.setRegister("largest", value);
    a.addToSet("largest", value);
    a.flush();

    expect(b.getRegister("largest")).toBe(value);
    expect(b.getSet("largest")).toEqual([value]);
  });

  it("go on without one that left, and with it when it is back under the same name", async () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    b.incrementCounter("visits");
    await b.close();
    replicas.all.pop();

    a.incrementCounter("visits", 10);
    a.flush();
    const again = replicas.add("b");
    await again.joined();
    again.incrementCounter("visits", 100);
    replicas.flush();

    expect(again.replicaId).not.toBe(b.replicaId);
    expect(a.getCounter("visits")).toBe(111);
    expectAlike(replicas);
  });

  it("of different plugins on one network share nothing", () => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    const other = new DistributedStateManager("till", {
      bus: replicas.network.bus("b", "till"),
      clock: replicas.clock,
    });

    a.setRegister("x", 1);
    replicas.flush();
    other.flush();

    expect(other.getRegister("x")).toBeUndefined();
  });
});

describe("replicas that change the same at the same time", () => {
  it("keep an element that one adds while another removes it", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    a.addToSet("tags", "new");
    replicas.flush();
    replicas.network.partition(["a"], ["b"]);

    a.removeFromSet("tags", "new");
    b.addToSet("tags", "new");
    replicas.flush();
    expect(a.getSet("tags")).toEqual([]);
    replicas.network.heal();
    replicas.compare();

    expect(a.getSet("tags")).toEqual(["new"]);
    expectAlike(replicas);
  });

  it("do not bring back an element that was removed by one who had seen all its adders", () => {
    const replicas = new Replicas();
    const [a, b, c] = [replicas.add("a"), replicas.add("b"), replicas.add("c")];
    a.addToSet("tags", "old");
    b.addToSet("tags", "old");
    replicas.flush();
    replicas.network.partition(["a", "b"], ["c"]);

    a.removeFromSet("tags", "old");
    replicas.flush();
    c.addToSet("tags", "unrelated");
    replicas.network.heal();
    replicas.compare();

    expect(c.getSet("tags")).toEqual(["unrelated"]);
    expectAlike(replicas);
  });

  it("show one and the same of the registers that were written apart, the last one, and then what is written upon it", () => {
    const replicas = new Replicas();
    const all = ["a", "b", "c"].map((host) => replicas.add(host));
    replicas.network.partition(["a"], ["b"], ["c"]);
    for (const [index, manager] of all.entries()) {
      replicas.clock.advance(1);
      manager.setRegister("mode", index);
    }
    replicas.flush();
    replicas.network.heal();
    replicas.compare();

    for (const manager of all) expect(manager.getRegister("mode")).toBe(2);
    all[0]!.setRegister("mode", "after");
    replicas.flush();
    for (const manager of all) expect(manager.getRegister("mode")).toBe("after");
    expectAlike(replicas);
  });

  it("all show the same register where it was written in the same millisecond", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    replicas.network.partition(["a"], ["b"]);
    a.setRegister("mode", "from a");
    b.setRegister("mode", "from b");
    replicas.flush();
    replicas.network.heal();
    replicas.compare();

    expect(a.getRegister("mode")).toMatch(/^from [ab]$/);
    expectAlike(replicas);
  });

  it("keep a register that one writes while another deletes it, and delete one that all had seen", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    a.setRegister("kept", 1);
    a.setRegister("gone", 1);
    replicas.flush();
    replicas.network.partition(["a"], ["b"]);

    b.setRegister("kept", 2);
    replicas.clock.advance(5);
    expect(a.deleteRegister("kept")).toBe(true);
    expect(a.deleteRegister("gone")).toBe(true);
    expect(a.deleteRegister("gone")).toBe(false);
    replicas.flush();
    replicas.network.heal();
    replicas.compare();

    for (const manager of replicas.all) {
      expect(manager.getRegister("kept")).toBe(2);
      expect(manager.getRegister("gone")).toBeUndefined();
      expect(manager.keys("register")).toEqual(["kept"]);
    }
    expectAlike(replicas);
  });

  it("count every increment and decrement once, in each part of a partition", () => {
    const replicas = new Replicas();
    const hosts = ["a", "b", "c", "d"];
    const all = hosts.map((host) => replicas.add(host));
    replicas.network.partition(["a", "b"], ["c", "d"]);
    for (const [index, manager] of all.entries()) {
      manager.incrementCounter("stock", 10 ** index);
      manager.decrementCounter("stock", 5);
      replicas.flush();
    }
    expect(all[0]!.getCounter("stock")).toBe(11 - 10);
    expect(all[3]!.getCounter("stock")).toBe(1_100 - 10);
    replicas.network.partition(["a"], ["b", "c"], ["d"]);
    replicas.compare();

    replicas.network.heal();
    replicas.compare();

    for (const manager of all) expect(manager.getCounter("stock")).toBe(1_111 - 20);
    expectAlike(replicas);
  });
});

describe("replicas on a network that loses, duplicates and reorders", () => {
  it.each([1, 2, 3, 4, 5])("become alike by comparing, whatever was lost (seed %i)", (seed) => {
    const replicas = new Replicas(seed);
    const random = seeded(seed);
    const hosts = ["a", "b", "c", "d"];
    for (const host of hosts) replicas.add(host);
    const { network, clock } = replicas;
    network.isReliable = false;
    let sum = 0;

    for (let step = 0; step < 300; step++) {
      const manager = replicas.all[Math.floor(random() * replicas.all.length)]!;
      const which = random();
      const key = `key ${Math.floor(random() * 4)}`;
      if (which < 0.3) manager.setRegister(key, step);
      else if (which < 0.4) manager.deleteRegister(key);
      else if (which < 0.6) manager.addToSet(key, { item: step % 7 });
      else if (which < 0.7) manager.removeFromSet(key, { item: step % 7 });
      else {
        sum += step;
        manager.incrementCounter(key, step);
      }
      if (step % 3 === 0) manager.flush();
      if (step % 40 === 20) network.partition(["a", "b"], ["c", "d"]);
      if (step % 40 === 30) network.partition();
      clock.advance(step % 25 === 0 ? 1_100 : 1);
      network.deliver({ loss: 0.3, duplication: 0.3 }, 20);
    }
    for (let round = 0; round < 60; round++) {
      replicas.flush();
      clock.advance(2_000);
      network.deliver({ loss: 0.3, duplication: 0.3 });
    }

    // It has not been reliable for a moment.
    expectAlike(replicas);
    const [first] = replicas.all;
    expect(first!.keys("counter").reduce((total, key) => total + first!.getCounter(key), 0)).toBe(sum);
  });

  it("fill a gap at once when the next change comes, without waiting for a comparison", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    replicas.network.isReliable = false;
    a.setRegister("lost", 1);
    a.flush();
    replicas.network.deliver({ loss: 1, duplication: 0 });
    expect(b.getRegister("lost")).toBeUndefined();

    replicas.network.isReliable = true;
    a.setRegister("next", 2);
    a.flush();

    expect(b.getRegister("lost")).toBe(1);
    expect(b.getRegister("next")).toBe(2);
  });

  it("get the last change of all, where that was lost, a few seconds later", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    replicas.network.isReliable = false;
    a.setRegister("lost", 1);
    a.flush();
    replicas.network.deliver({ loss: 1, duplication: 0 });
    replicas.network.isReliable = true;

    replicas.clock.advance(3 * STATE_LIMITS["hello.afterMs"].value);

    expect(b.getRegister("lost")).toBe(1);
  });

  it("give up a transfer whose sender is gone, say so, and get the rest from another", async () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    a.setRegister("x", 1);
    replicas.flush();
    const troubles: unknown[] = [];
    replicas.network.isReliable = false;
    const joining = replicas.add("joining");
    joining.on("sync-failed", ({ error }) => troubles.push(error));
    // Hellos arrive; then nobody is reached any more.
    replicas.network.deliver({ loss: 0, duplication: 0 }, 3);
    replicas.network.partition(["joining"], ["a", "b"]);
    for (let tries = 0; tries < 10; tries++) {
      replicas.clock.advance(STATE_LIMITS["pull.timeoutMs"].value);
      replicas.network.deliver({ loss: 0, duplication: 0 });
    }
    await a.close();
    replicas.all.shift();

    replicas.network.heal();
    replicas.compare();

    expect(troubles).not.toEqual([]);
    expect(joining.getRegister("x")).toBe(1);
    expect(b.getRegister("x")).toBe(1);
  });

  it("come together where each has run for months before they hear of each other for the first time", () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    replicas.network.partition(["a"], ["b"]);
    a.setRegister("of a", 1);
    b.addToSet("of b", 2);
    for (const host of ["a", "b"]) replicas.offsetsMs.set(host, 200 * 86_400_000);
    replicas.compare(10);

    replicas.network.heal();
    replicas.compare();

    expect(a.getSet("of b")).toEqual([2]);
    expect(b.getRegister("of a")).toBe(1);
    expectAlike(replicas);
  });

  it("fall silent when nothing changes, but for a comparison now and then", () => {
    const replicas = new Replicas();
    for (const host of ["a", "b", "c"]) replicas.add(host);
    replicas.all[0]!.setRegister("x", 1);
    replicas.compare(5);
    const before = replicas.network.carried;

    replicas.clock.advance(10 * STATE_LIMITS["hello.everyMs"].value);

    // Three hellos in ten rounds, each to two others.
    expect(replicas.network.carried - before).toBeLessThanOrEqual(10 * 3 * 2);
  });
});

describe("what comes over the sync topic", () => {
  /** A delta of a replica of the same plugin that is not on this network, as a message of the sync topic carries it. */
  function strangeDelta(write: (manager: DistributedStateManager) => void): { from: string; bytes: Uint8Array } {
    const stranger = new DistributedStateManager("shop", {
      bus: false,
      replicaId: "stranger",
      clock: new Replicas().clock,
    });
    const deltas: Uint8Array[] = [];
    stranger.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    write(stranger);
    stranger.flush();
    return { from: stranger.replicaId, bytes: deltas[0]! };
  }

  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

  function refusalsOf(manager: DistributedStateManager): MessageRefused[] {
    const refusals: MessageRefused[] = [];
    manager.on("message-refused", (refusal) => refusals.push(refusal));
    return refusals;
  }

  it("is not taken from another plugin, which is told by an event", async () => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    const refusals = refusalsOf(a);
    const { from, bytes } = strangeDelta((manager) => manager.setRegister("price", 0));
    const payload = { type: "delta", from, bytes: base64(bytes) };
    const before = a.snapshot();

    await replicas.network.bus("evil", "mallory").publish({ topic: SYNC, payload });

    expect(a.getRegister("price")).toBeUndefined();
    expect(a.snapshot()).toEqual(before);
    expect(refusals).toEqual([{ source: "mallory", error: expect.any(ForgedDeltaError) }]);
    // The same from the plugin itself is taken.
    await replicas.network.bus("good", "shop").publish({ topic: SYNC, payload });
    expect(a.getRegister("price")).toBe(0);
  });

  it.each([
    { type: "hello", versions: "", digest: "0", isJoining: true },
    { type: "pull", to: "SELF", transfer: 1, versions: "", isWhole: true },
    { type: "page", to: "SELF", transfer: 1, index: 0, count: 1, kind: "state", parts: [] },
    { type: "leave" },
  ])("is not answered to another plugin: $type", async (fields) => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    const { from } = strangeDelta((manager) => manager.setRegister("x", 0));
    const refusals = refusalsOf(a);
    const mallory = replicas.network.bus("evil", "mallory");
    const answers: unknown[] = [];
    mallory.subscribe(SYNC, ({ source, payload }) => source === "mallory" || answers.push(payload));
    a.setRegister("secret", 1);
    a.flush();

    const payload = JSON.parse(JSON.stringify({ ...fields, from }).replace("SELF", a.replicaId)) as object;
    await mallory.publish({ topic: SYNC, payload });

    expect(answers).toEqual([]);
    expect(refusals).toEqual([{ source: "mallory", error: expect.any(ForgedDeltaError) }]);
  });

  it("does not speak for another replica", async () => {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    b.setRegister("x", 1);
    replicas.flush();
    const refusals = refusalsOf(a);
    const { bytes } = strangeDelta((manager) => manager.setRegister("x", "forged"));
    const payload = { type: "delta", from: b.replicaId, bytes: base64(bytes) };

    await replicas.network.bus("evil", "shop").publish({ topic: SYNC, payload });

    expect(refusals).toEqual([{ source: "shop", error: expect.any(ForgedDeltaError) }]);
    expect(a.getRegister("x")).toBe(1);
  });

  it("changes nothing where it is no message of replicas", async () => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    a.setRegister("x", 1);
    a.flush();
    const refusals = refusalsOf(a);
    const { from, bytes } = strangeDelta((manager) => manager.setRegister("y", 1));
    const before = a.snapshot();
    const shop = replicas.network.bus("b", "shop");
    const payloads: unknown[] = [
      undefined,
      null,
      7,
      "delta",
      [],
      {},
      { type: "delta" },
      { type: "delta", from: 7, bytes: "" },
      { type: "delta", from: "../../etc/passwd", bytes: base64(bytes) },
      { type: "delta", from, bytes: 7 },
      { type: "delta", from, bytes: "" },
      { type: "delta", from, bytes: base64(bytes.subarray(0, -1)) },
      { type: "delta", from, bytes: base64(Uint8Array.from([...bytes, 0])) },
      { type: "constructor", from },
      { type: "hello", from, versions: "////", digest: "0", isJoining: true },
      { type: "page", from, to: a.replicaId, transfer: 1, index: 0, count: 1, kind: "state", parts: [{}] },
      { type: "more", from, to: a.replicaId, transfer: -1, index: 1.5 },
    ];

    for (const payload of payloads) await shop.publish({ topic: SYNC, payload });

    expect(a.snapshot()).toEqual(before);
    expect(refusals).toHaveLength(payloads.length);
    for (const { error } of refusals) expect(error).toBeInstanceOf(InvalidDeltaError);
  });

  it("is a page that nobody asked for: nothing of it is taken", async () => {
    const replicas = new Replicas();
    const a = replicas.add("a");
    const stranger = new DistributedStateManager("shop", { bus: false });
    stranger.setRegister("x", "unasked");
    const page = { type: "page", from: stranger.replicaId, to: a.replicaId, index: 0, count: 1, kind: "state" };

    for (const transfer of [0, 1, 2]) {
      const payload = { ...page, transfer, parts: [base64(stranger.snapshot())] };
      await replicas.network.bus("b", "shop").publish({ topic: SYNC, payload });
    }

    expect(a.getRegister("x")).toBeUndefined();
  });
});

describe("deltas and snapshots given by hand", () => {
  /** The refusal that some work ends in; undefined where it succeeds. Anything else that is thrown fails the test. */
  function refusalBy(work: () => unknown): StateError | undefined {
    try {
      work();
      return undefined;
    } catch (error) {
      if (error instanceof StateError) return error;
      throw error;
    }
  }

  it("are refused, with nothing changed, when cut short or with any byte altered that is noticed", () => {
    const source = new DistributedStateManager("shop", { bus: false });
    const deltas: Uint8Array[] = [];
    source.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    source.setRegister("r", { a: [1, "é", null] });
    source.addToSet("s", "element");
    source.incrementCounter("c", 300);
    source.decrementCounter("c", 70_000);
    source.removeFromSet("s", "element");
    source.flush();
    const random = seeded(7);

    for (let round = 0; round < 2_000; round++) {
      const target = new DistributedStateManager("shop", { bus: false });
      const before = target.snapshot();
      const isDelta = round % 2 === 0;
      const bytes = (isDelta ? deltas[0]! : source.snapshot()).slice();
      const at = Math.floor(random() * bytes.length);
      const altered = random() < 0.3 ? bytes.subarray(0, at) : bytes;
      if (altered === bytes) bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
      const refusal = refusalBy(() => (isDelta ? target.applyDelta(altered) : target.merge(altered)));
      // What is read all the same is another state, and a whole one.
      expect(refusal === undefined || Buffer.from(target.snapshot()).equals(before)).toBe(true);
      target.snapshot();
    }
  });

  it("are taken up to the operation at which a delta was cut, if it was between two; the rest comes with the whole", () => {
    const source = new DistributedStateManager("shop", { bus: false });
    const deltas: Uint8Array[] = [];
    source.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    source.addToSet("s", "kept");
    source.incrementCounter("c", 3);
    source.addToSet("s", "removed");
    source.removeFromSet("s", "removed");
    source.setRegister("r", { deep: [1, 2, 3] });
    source.flush();
    const [whole] = deltas as [Uint8Array];

    for (let length = 0; length < whole.length; length++) {
      const target = new DistributedStateManager("shop", { bus: false });
      const refusal = refusalBy(() => target.applyDelta(whole.subarray(0, length)));
      expect(refusal === undefined || target.keys("set").length === 0).toBe(true);
      expect(target.applyDelta(whole)).toBe("applied");
      expect(target.snapshot()).toEqual(source.snapshot());
    }
  });

  it("are told apart: applied, known, and with a gap before them", () => {
    const source = new DistributedStateManager("shop", { bus: false });
    const deltas: Uint8Array[] = [];
    source.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    for (let n = 0; n < 3; n++) {
      source.setRegister("x", n);
      source.flush();
    }
    const target = new DistributedStateManager("shop", { bus: false });

    expect(target.applyDelta(deltas[0]!)).toBe("applied");
    expect(target.applyDelta(deltas[0]!)).toBe("known");
    expect(target.applyDelta(deltas[2]!)).toBe("gap");
    expect(target.getRegister("x")).toBe(0);
    target.merge(source.snapshot());
    expect(target.applyDelta(deltas[2]!)).toBe("known");
    expect(target.getRegister("x")).toBe(2);
  });

  it("that say that we did what we did not do are refused", () => {
    const random = () => Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const ours = new DistributedStateManager("shop", { bus: false, random });
    const forger = new DistributedStateManager("shop", { bus: false, random });
    const deltas: Uint8Array[] = [];
    forger.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    forger.setRegister("x", "forged");
    forger.flush();

    expect(() => ours.applyDelta(deltas[0]!)).toThrow(ForgedDeltaError);
    expect(() => ours.merge(forger.snapshot())).toThrow(ForgedDeltaError);
    expect(ours.getRegister("x")).toBeUndefined();
  });
});
