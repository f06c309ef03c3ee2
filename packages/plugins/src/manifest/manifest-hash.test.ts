import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manifestHash } from "./manifest-hash.ts";

describe("manifestHash", () => {
  it("is the same whatever order the keys came in", () => {
    expect(manifestHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(manifestHash({ b: { d: null, c: [1, 2] }, a: 1 }));
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: [[1], 2] }, { a: [1, [2]] }],
    [{ a: "1" }, { a: 1 }],
    [{ a: null }, {}],
    [{ "a:1": 1 }, { a: "1:1" }],
  ])("tells %j from %j", (one, other) => {
    expect(manifestHash(one)).not.toBe(manifestHash(other));
  });

  it("is another for any two values that are not the same JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const isSame = sorted(one) === sorted(other);
        expect(manifestHash(one) === manifestHash(other)).toBe(isSame);
      }),
    );
  });
});

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    field !== null && typeof field === "object" && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
