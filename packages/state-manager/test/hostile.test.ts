import { describe, expect, it } from "vitest";
import { createContext, runInContext } from "node:vm";

import {
  CounterOverflowError,
  DistributedStateManager,
  InvalidArgumentError,
  InvalidKeyError,
  InvalidSnapshotError,
  InvalidDeltaError,
  InvalidValueError,
  STATE_LIMITS,
  StateClosedError,
  type StateError,
  ValueTooLargeError,
} from "../src/index.ts";
import { Replicas, viewOfState } from "./_support/replicas.ts";

function newManager(): DistributedStateManager {
  return new DistributedStateManager("shop", { bus: false });
}

/** Every way in which a value comes into the state. */
const WAYS_IN: readonly (readonly [string, (manager: DistributedStateManager, value: unknown) => unknown])[] = [
  ["setRegister", (manager, value) => manager.setRegister("key", value)],
  ["addToSet", (manager, value) => manager.addToSet("key", value)],
  ["removeFromSet", (manager, value) => manager.removeFromSet("key", value)],
  ["hasInSet", (manager, value) => manager.hasInSet("key", value)],
];

const cycle: Record<string, unknown> = { name: "cycle" };
cycle["self"] = { again: [cycle] };

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

const REFUSED_VALUES: readonly (readonly [string, unknown])[] = [
  ["a field __proto__", JSON.parse('{"__proto__": {"isAdmin": true}}')],
  ["a field __proto__ within", JSON.parse('{"a": [{"b": {"__proto__": []}}]}')],
  ["a cycle", cycle],
  ["a function", () => 1],
  ["a function within", { onClick: () => 1 }],
  ["a method toJSON", { toJSON: () => 1 }],
  ["a bigint", 1n],
  ["a symbol", Symbol("x")],
  ["NaN", NaN],
  ["an infinite number within", [Infinity]],
  ["undefined", undefined],
  ["undefined in an array", [undefined]],
  // oxlint-disable-next-line no-sparse-arrays -- that is what is tried
  ["a hole in an array", [1, , 2]],
  ["a Date", new Date(0)],
  ["a Map", new Map()],
  ["a Set", new Set()],
  ["bytes", new Uint8Array(3)],
  ["a promise", Promise.resolve(1)],
  ["a regular expression", /x/],
  ["a boxed number", Object(1)],
  ["an instance of a class", new (class Point {})()],
  ["an error", new Error("x")],
  [
    "what throws when it is read",
    {
      get field(): never {
        throw new Error("no");
      },
    },
  ],
  ["a revoked proxy", revokedProxy()],
  ["too deep a nesting", nested(STATE_LIMITS["value.depth"].value + 1)],
  [
    "a nesting without an end",
    new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: endless, get: endlessField }),
  ],
];

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function endless(): PropertyDescriptor {
  return { enumerable: true, configurable: true, value: 1 };
}

function endlessField(target: object, _: PropertyKey, receiver: unknown): unknown {
  return target && receiver;
}

describe.each(WAYS_IN)("a value given to %s", (_, give) => {
  it.each(REFUSED_VALUES)("is refused with nothing changed: %s", (_name, value) => {
    const manager = newManager();
    manager.setRegister("key", "before");
    manager.addToSet("key", "before");
    const before = manager.snapshot();

    expect(() => give(manager, value)).toThrow(InvalidValueError);

    expect(manager.snapshot()).toEqual(before);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it.each([
    ["a string", "x".repeat(10_000_000)],
    ["a string within", { a: ["x".repeat(10_000_000)] }],
    ["a long list", Array.from({ length: 2_000_000 }, () => 1)],
    ["a list that is longer than it has items", Object.assign([...Array(200_000).keys()], { length: 4_000_000_000 })],
    ["a wide object", Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`field ${n}`, n]))],
    ["one that refers to one thing many times", shared(40)],
    ["just more than may be", "x".repeat(STATE_LIMITS["value.bytes"].value - 1)],
    ["one that is short until it is escaped", "\u0000".repeat(STATE_LIMITS["value.bytes"].value / 4)],
  ])("is refused soon where it is too large: %s", (_name, value) => {
    const manager = newManager();
    const began = performance.now();

    expect(() => give(manager, value)).toThrow(ValueTooLargeError);

    expect(performance.now() - began).toBeLessThan(2_000);
    expect(viewOfState(manager)).toEqual({ registers: {}, counters: {}, sets: {} });
  });

  it.each([
    ["null", null],
    ["an empty string", ""],
    ["-0", -0],
    ["the least number", Number.MIN_VALUE],
    ["the largest number", Number.MAX_VALUE],
    ["half a character", "\ud800"],
    ["zero bytes", "\0\0"],
    ["a field constructor", { constructor: 1, prototype: { toString: 2 }, hasOwnProperty: null }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["an object of another realm", runInContext("({ a: [1, { b: 2 }] })", createContext())],
    ["an absent field", { a: 1, b: undefined }],
    ["the deepest nesting", nested(STATE_LIMITS["value.depth"].value)],
    ["fields that look like numbers", { 2: "b", 1: "a", "-1": 0, "01": 1 }],
    ["the longest string", "x".repeat(STATE_LIMITS["value.bytes"].value - 2)],
    ["an empty field name", { "": { "": [] } }],
  ])("is taken where it is JSON data: %s", (_name, value) => {
    const manager = newManager();

    expect(() => give(manager, value)).not.toThrow();

    const copy = newManager();
    copy.merge(manager.snapshot());
    const expected: unknown = JSON.parse(JSON.stringify(value));
    for (const known of [manager.getRegister("key"), copy.getRegister("key"), ...copy.getSet("key")]) {
      expect([undefined, expected]).toContainEqual(known);
    }
  });
});

function shared(doublings: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < doublings; level++) value = [value, value];
  return value;
}

describe("a key", () => {
  it.each([
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "length",
    "0",
    "a/b.c",
    "\0",
    " ",
    "日本",
    "x".repeat(256),
  ])("is like any other: %j", (key) => {
    const manager = newManager();
    expect(manager.getRegister(key)).toBeUndefined();
    expect(manager.getCounter(key)).toBe(0);
    expect(manager.getSet(key)).toEqual([]);
    expect(manager.hasInSet(key, 1)).toBe(false);

    manager.setRegister(key, { [key === "__proto__" ? "x" : key]: 1 });
    manager.incrementCounter(key);
    manager.addToSet(key, key);
    const copy = newManager();
    copy.merge(manager.snapshot());

    expect(copy.getRegister(key)).toEqual({ [key === "__proto__" ? "x" : key]: 1 });
    expect(copy.getCounter(key)).toBe(1);
    expect(copy.getSet(key)).toEqual([key]);
    expect(copy.keys("register")).toEqual([key]);
    expect(Object.prototype).not.toHaveProperty("x");
  });

  it.each([
    ["empty", ""],
    ["too long", "x".repeat(257)],
    ["too long in UTF-8", "日".repeat(86)],
    ["very long", "x".repeat(10_000_000)],
    ["half a character", "a\udc00"],
    ["a number", 7],
    ["null", null],
    ["undefined", undefined],
    ["an object", { toString: () => "key" }],
    ["a symbol", Symbol("key")],
    ["an array", ["key"]],
  ])("is refused where it is %s", async (_, bad) => {
    const manager = newManager();
    // Not a string, as a caller without types may have it.
    const key = bad as string;

    for (const write of [
      () => manager.setRegister(key, 1),
      () => manager.deleteRegister(key),
      () => manager.incrementCounter(key),
      () => manager.decrementCounter(key),
      () => manager.addToSet(key, 1),
      () => manager.removeFromSet(key, 1),
    ]) {
      expect(write).toThrow(InvalidKeyError);
    }
    await expect(manager.exportState(key, 1)).rejects.toThrow(InvalidKeyError);
    await expect(manager.importState("other", key)).rejects.toThrow(InvalidKeyError);
    expect(viewOfState(manager)).toEqual({ registers: {}, counters: {}, sets: {} });
  });
});

describe("what a caller does with a value", () => {
  it("after giving it does not change the state", () => {
    const manager = newManager();
    const value = { list: [1, { deep: "old" }] };
    manager.setRegister("r", value);
    manager.addToSet("s", value);

    (value.list[1] as { deep: string }).deep = "new";
    value.list.push(3);

    expect(manager.getRegister("r")).toEqual({ list: [1, { deep: "old" }] });
    expect(manager.getSet("s")).toEqual([{ list: [1, { deep: "old" }] }]);
  });

  it("after getting it, or with what an event shows, does not change the state", () => {
    const manager = newManager();
    const shown: { list: unknown[] }[] = [];
    manager.on("changed", ({ value }) => shown.push(value));
    const good = { list: [1, { deep: "old" }] };
    manager.setRegister("r", good);
    manager.addToSet("s", good);

    for (const got of [...shown, manager.getRegister("r"), ...manager.getSet("s")]) {
      got.list[1].deep = "new";
      got.list.length = 0;
    }
    manager.getSet("s").push("more");
    manager.keys("register").push("more");

    expect(shown).toHaveLength(2);
    expect(manager.getRegister("r")).toEqual(good);
    expect(manager.getSet("s")).toEqual([good]);
    expect(manager.hasInSet("s", good)).toBe(true);
    expect(manager.keys("register")).toEqual(["r"]);
  });

  it("with the bytes of a snapshot or delta after giving or getting them does not change the state", () => {
    const manager = newManager();
    const deltas: Uint8Array[] = [];
    manager.on("delta", ({ bytes }) => deltas.push(bytes.slice()));
    manager.setRegister("r", "text of the register");
    manager.flush();
    const snapshot = manager.snapshot();
    const [target, other] = [newManager(), newManager()];
    target.merge(snapshot);
    other.applyDelta(deltas[0]!);
    const before = manager.snapshot();

    snapshot.fill(0);
    deltas[0]!.fill(0);

    for (const one of [manager, target, other]) expect(one.snapshot()).toEqual(before);
    expect(target.getRegister("r")).toBe("text of the register");
  });

  it("while it is read, such as calling the manager from a getter, leaves the state whole", () => {
    const manager = newManager();
    const value = {
      get first(): number {
        manager.setRegister("within", "from within");
        manager.setRegister("r", "from within");
        manager.addToSet("s", "from within");
        return 1;
      },
    };

    manager.addToSet("s", value);
    manager.setRegister("r", value);
    const copy = newManager();
    copy.merge(manager.snapshot());

    expect(copy.getRegister("r")).toEqual({ first: 1 });
    expect(new Set(copy.getSet("s"))).toEqual(new Set([{ first: 1 }, "from within"]));
  });

  it("in a listener, such as writing or throwing, leaves the state whole and others are told", () => {
    const manager = newManager();
    const heard: unknown[] = [];
    const failures: unknown[] = [];
    manager.on("listener-failed", ({ error }) => failures.push(error));
    manager.on("changed", () => {
      if (manager.getCounter("c") < 3) manager.incrementCounter("c");
      throw new Error("listener");
    });
    manager.on("changed", ({ key }) => heard.push(key));

    manager.setRegister("r", 1);

    expect(manager.getCounter("c")).toBe(3);
    expect(heard.filter((key) => key === "c")).toHaveLength(3);
    expect(failures).toHaveLength(4);
  });
});

describe("a counter", () => {
  it.each([-1, 0.5, NaN, Infinity, 2 ** 53, "1", 1n, null, {}])("takes whole numbers from 0 only, not %s", (n) => {
    const manager = newManager();

    // Not a number, as a caller without types may have it.
    expect(() => manager.incrementCounter("c", n as number)).toThrow(InvalidArgumentError);
    expect(() => manager.decrementCounter("c", n as number)).toThrow(InvalidArgumentError);

    expect(manager.keys("counter")).toEqual([]);
  });

  it("refuses what would lead beyond the safe whole numbers, and stays as it was", () => {
    const manager = newManager();
    expect(manager.incrementCounter("c", Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);

    expect(() => manager.incrementCounter("c")).toThrow(CounterOverflowError);
    expect(() => manager.incrementCounter("c", Number.MAX_SAFE_INTEGER)).toThrow(CounterOverflowError);

    expect(manager.getCounter("c")).toBe(Number.MAX_SAFE_INTEGER);
    expect(manager.decrementCounter("c", 1)).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  it("that replicas have counted beyond them together says so, to all alike", () => {
    const [replicas, a, b] = countedTooFar();

    expect(() => a.getCounter("c")).toThrow(CounterOverflowError);
    expect(() => b.getCounter("c")).toThrow(CounterOverflowError);
    expect(a.snapshot()).toEqual(b.snapshot());
    expect(replicas.add("joining").keys("counter")).toEqual(["c"]);
  });

  it("that replicas have counted beyond them together can be counted back", () => {
    const [replicas, a, b] = countedTooFar();

    expect(b.decrementCounter("c", 10)).toBe(Number.MAX_SAFE_INTEGER);
    replicas.flush();

    expect(a.getCounter("c")).toBe(Number.MAX_SAFE_INTEGER);
  });

  function countedTooFar(): [Replicas, DistributedStateManager, DistributedStateManager] {
    const replicas = new Replicas();
    const [a, b] = [replicas.add("a"), replicas.add("b")];
    const shown: unknown[] = [];
    replicas.network.partition(["a"], ["b"]);
    a.incrementCounter("c", Number.MAX_SAFE_INTEGER);
    b.incrementCounter("c", 10);
    replicas.flush();
    a.on("changed", ({ value }) => shown.push(value));
    replicas.network.heal();
    replicas.compare();
    expect(shown).toEqual([NaN]);
    return [replicas, a, b];
  }

  it("is not there yet where nothing was added", () => {
    const manager = newManager();

    expect(manager.incrementCounter("c", 0)).toBe(0);

    expect(manager.keys("counter")).toEqual([]);
  });
});

describe("a manager", () => {
  it.each(["", "a/b", "../x", "x".repeat(65), 7, null])("is not made for a plugin id %j", (pluginId) => {
    expect(() => new DistributedStateManager(pluginId as string, { bus: false })).toThrow(
      expect.objectContaining({ name: "InvalidPluginIdError" }),
    );
  });

  it.each(["", "a.b", "x".repeat(65), "é", "a b"])("is not made for a replica named %j", (replicaId) => {
    expect(() => new DistributedStateManager("shop", { bus: false, replicaId })).toThrow(InvalidArgumentError);
  });

  it("is not made for the bus of another plugin", () => {
    const bus = new Replicas().network.bus("a", "till");

    expect(() => new DistributedStateManager("shop", { bus })).toThrow(InvalidArgumentError);
  });

  it("that was closed refuses writes, goes on to be read, and can be closed again", async () => {
    const replicas = new Replicas();
    const [manager, other] = [replicas.add("a"), replicas.add("b")];
    manager.setRegister("r", 1);
    manager.addToSet("s", 1);
    manager.incrementCounter("c");
    const snapshot = manager.snapshot();
    await manager.close();

    for (const write of [
      () => manager.setRegister("r", 2),
      () => manager.deleteRegister("r"),
      () => manager.incrementCounter("c"),
      () => manager.decrementCounter("c", 0),
      () => manager.addToSet("s", 2),
      () => manager.removeFromSet("s", 1),
      () => manager.merge(snapshot),
      () => manager.applyDelta(snapshot),
    ]) {
      expect(write).toThrow(StateClosedError);
    }
    await expect(manager.exportState("x", 1)).rejects.toBeInstanceOf(StateClosedError);
    await expect(manager.withdrawState("x")).rejects.toBeInstanceOf(StateClosedError);
    other.setRegister("after", 1);
    replicas.clock.advance(120_000);
    expect(viewOfState(manager)).toEqual({ registers: { r: 1 }, counters: { c: 1 }, sets: { s: [1] } });
    expect(other.getRegister("r")).toBe(1);
    await manager.close();
    await manager.flushed();
    await manager.joined();
  });

  it("that nobody closed is told of nothing more when its bus is closed, and does not throw", async () => {
    const replicas = new Replicas();
    const bus = replicas.network.bus("a", "shop");
    const manager = replicas.add("a", { bus });
    const other = replicas.add("b");
    await bus.close();

    manager.setRegister("x", 1);
    manager.flush();
    replicas.clock.advance(120_000);

    expect(manager.getRegister("x")).toBe(1);
    expect(other.getRegister("x")).toBeUndefined();
    await manager.close();
  });

  it("goes on replicating after the plugin has cleared the bus that both use", async () => {
    const replicas = new Replicas();
    const bus = replicas.network.bus("a", "shop");
    const manager = replicas.add("a", { bus });
    const other = replicas.add("b");
    bus.clear();
    other.setRegister("x", 1);
    replicas.flush();
    expect(manager.getRegister("x")).toBeUndefined();

    replicas.compare();

    expect(manager.getRegister("x")).toBe(1);
  });

  it.each([undefined, null, "text", [], {}, new Uint8Array(0), new Uint8Array(1_000), new Uint8Array(1_000).fill(255)])(
    "refuses bytes that are none of its own: %j",
    (bytes) => {
      const manager = newManager();

      // Not bytes, as a caller without types may have it.
      expect(() => manager.merge(bytes as Uint8Array)).toThrow(InvalidSnapshotError);
      expect(() => manager.applyDelta(bytes as Uint8Array)).toThrow(InvalidDeltaError);
    },
  );

  it("has errors that say what they are", () => {
    const manager = newManager();
    const errors: StateError[] = [];
    for (const work of [() => manager.setRegister("", 1), () => manager.setRegister("k", { a: [{ b: 1n }] })]) {
      try {
        work();
      } catch (error) {
        errors.push(error as StateError);
      }
    }

    expect(errors.map(({ code, isRetryable }) => ({ code, isRetryable }))).toEqual([
      { code: "INVALID_KEY", isRetryable: false },
      { code: "INVALID_VALUE", isRetryable: false },
    ]);
    expect(errors[1]!.message).toContain(".a[0].b");
  });

  it("answers a kind that there is not with a refusal", () => {
    expect(() => newManager().keys("__proto__" as "set")).toThrow(InvalidArgumentError);
    expect(() => newManager().keys("constructor" as "set")).toThrow(InvalidArgumentError);
  });
});
