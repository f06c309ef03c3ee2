import { anything, assert, jsonValue, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { InvalidMessageError } from "./errors.ts";
import { busLimits } from "./limits.ts";
import { checkPayload } from "./payload.ts";

const limits = busLimits();
const check = (payload: unknown) => checkPayload(payload, limits);

describe("checkPayload", () => {
  it("takes whatever JSON can write", () => {
    const values = jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));

    assert(
      property(values, (value) => {
        expect(() => check(value)).not.toThrow();
      }),
    );
  });

  it("takes nothing that comes out of JSON as something else", () => {
    assert(
      property(
        anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true }),
        (value) => {
          expect(refusalOf(value) ?? JSON.parse(JSON.stringify(value) ?? "null")).toEqual(
            refusalOf(value) ?? withoutPrototypes(value ?? null),
          );
        },
      ),
    );
  });

  it("takes an absent payload, and fields that are undefined as absent ones", () => {
    expect(() => check(undefined)).not.toThrow();
    expect(() => check({ a: undefined, b: { c: undefined } })).not.toThrow();
  });

  it("takes objects without a prototype and of another realm", async () => {
    const { runInNewContext } = await import("node:vm");

    expect(() => check(Object.create(null))).not.toThrow();
    expect(() => check(runInNewContext("({ a: [1, { b: 2 }] })"))).not.toThrow();
  });

  it.each<[string, () => unknown, RegExp]>([
    ["a function", () => () => {}, /a function is not JSON data/],
    ["a symbol", () => Symbol("x"), /a symbol is not/],
    ["a bigint", () => 10n, /a bigint is not/],
    ["NaN", () => Number.NaN, /NaN is not a JSON number/],
    ["Infinity", () => ({ a: [1, Number.POSITIVE_INFINITY] }), /Infinity .* at \.a\[1\]$/],
    ["a Date", () => new Date(0), /an instance of Date/],
    ["a Map", () => new Map(), /an instance of Map/],
    ["a Buffer", () => Buffer.from("x"), /an instance of Buffer/],
    ["an Error", () => new Error("x"), /an instance of Error/],
    ["a promise", () => Promise.resolve(), /an instance of Promise/],
    ["an instance", () => ({ price: new (class Money {})() }), /an instance of Money .* at \.price/],
    ["undefined in an array", () => [1, undefined], /undefined is not JSON data at \[1\]/],
    ["holes", () => Array(3), /undefined is not JSON data at \[0\]/],
    ["an endless hole", () => Array(2 ** 32 - 1), /undefined is not JSON data at \[0\]/],
    ["toJSON", () => ({ toJSON: () => 1 }), /a function is not JSON data at \.toJSON/],
    ["a __proto__ key", () => JSON.parse('{"a":{"__proto__":{"isAdmin":true}}}'), /__proto__ is not allowed/],
    [
      "a getter that throws",
      () => Object.defineProperty({}, "a", { enumerable: true, get: explode }),
      /reading it failed/,
    ],
    ["a proxy that throws", () => new Proxy({}, { ownKeys: explode }), /reading it failed/],
    ["a proxy of no kind", () => new Proxy({}, { getPrototypeOf: explode }), /reading it failed/],
  ])("refuses %s", (_name, payload, message) => {
    expect(() => check(payload())).toThrow(InvalidMessageError);
    expect(() => check(payload())).toThrow(message);
  });

  it("refuses what contains itself, and says so", () => {
    const direct: Record<string, unknown> = {};
    direct["self"] = direct;
    const round: unknown[] = [{ deep: [] }];
    (round[0] as { deep: unknown[] }).deep.push(round);

    expect(() => check(direct)).toThrow(/it contains itself at \.self/);
    expect(() => check(round)).toThrow(/it contains itself/);
  });

  it("takes the same object in two places, which is no cycle", () => {
    const shared = { a: 1 };

    expect(() => check({ one: shared, two: [shared, shared] })).not.toThrow();
  });

  it("takes 64 levels and refuses 65, and 100,000, without running out of stack", () => {
    check(nested(64));

    expect(() => check(nested(65))).toThrow(/nested more than 64 deep/);
    expect(() => check(nested(100_000))).toThrow(/nested more than 64 deep/);
  });

  it("takes exactly 256 KiB of JSON, measured in bytes", () => {
    const most = 262_144;

    check("a".repeat(most - 2));
    check("ü".repeat(most / 2 - 1));
    check("\u0001".repeat(43_690));
    check({ text: "a".repeat(most - 11) });

    expect(() => check("a".repeat(most - 1))).toThrow(/at most 262144 bytes/);
    expect(() => check("ü".repeat(most / 2))).toThrow(/at most 262144 bytes/);
    expect(() => check("\u0001".repeat(43_691))).toThrow(/at most 262144 bytes/);
    expect(() => check({ text: "a".repeat(most - 10) })).toThrow(/at most 262144 bytes/);
    expect(() => check(Array(most).fill(1))).toThrow(/at most 262144 bytes/);
  });

  it("refuses 10 MB, and what expands to more than memory holds, as quickly as it reaches the limit", () => {
    let bomb: unknown[] = ["boom"];
    for (let level = 0; level < 60; level++) bomb = [bomb, bomb, bomb, bomb, bomb, bomb, bomb, bomb, bomb, bomb];

    expect(() => check({ text: "x".repeat(10_000_000) })).toThrow(InvalidMessageError);
    expect(() => check(bomb)).toThrow(/at most 262144 bytes/);
  });

  it("is not fooled by what somebody put on Object.prototype", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      value: explode,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    const refusal = refusalOf({ a: 1 });
    Reflect.deleteProperty(Object.prototype, "polluted");

    expect(refusal).toBeUndefined();
  });
});

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = level % 2 ? { value } : [value];
  return value;
}

function explode(): never {
  throw new Error("explosive");
}

function refusalOf(payload: unknown): string | undefined {
  try {
    check(payload);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidMessageError)) throw error;
    return error.message;
  }
}

function withoutPrototypes(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, withoutPrototypes(field)]),
  );
}
