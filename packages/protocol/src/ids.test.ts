import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createIdSource, ID_PREFIXES, OpaqueIdSchema, type IdKind } from "./ids.ts";

function sourceAt(times: readonly number[], byte: (n: number) => number = (n) => (n * 7_919) % 256) {
  let calls = 0;
  let filled = 0;
  return createIdSource({
    now: () => times[Math.min(calls++, times.length - 1)] ?? 0,
    fillRandom: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = byte(filled++);
    },
  });
}

describe("createIdSource", () => {
  it.each(Object.entries(ID_PREFIXES))(
    "makes a %s id of its prefix and 36 characters that callers may send back",
    (kind, prefix) => {
      const id = sourceAt([1_800_000_000_000]).next(kind as IdKind);

      expect(id).toMatch(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{36}$`));
      expect(OpaqueIdSchema.safeParse(id).success).toBe(true);
    },
  );

  it("makes ids that sort by the time of making", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 48 - 1 }), fc.nat({ max: 2 ** 48 - 1 }), fc.nat(255), (one, other, byte) => {
        fc.pre(one !== other);
        const source = sourceAt([one, other], () => byte);

        const [first, second] = [source.next("run"), source.next("run")];

        expect(first < second).toBe(one < other);
      }),
    );
  });

  it("uses every random bit: two ids of one moment differ when one bit of 128 does", () => {
    for (let bit = 0; bit < 128; bit++) {
      const plain = sourceAt([0], () => 0).next("run");
      const flipped = sourceAt([0], (n) => (n === bit >> 3 ? 1 << (bit & 7) : 0)).next("run");
      expect(flipped, `bit ${bit}`).not.toBe(plain);
    }
  });

  it("takes fresh random bytes for each id, over the end of what it fetched at once", () => {
    const source = createIdSource({ now: () => 0, fillRandom: (bytes) => crypto.getRandomValues(bytes) });

    const ids = new Set(Array.from({ length: 10_000 }, () => source.next("run")));

    expect(ids.size).toBe(10_000);
  });
});

describe("OpaqueIdSchema", () => {
  it.each(["a", "run_1", "A.b:c-d_e", "9", "x".repeat(128)])("takes %s", (id) => {
    expect(OpaqueIdSchema.safeParse(id).success).toBe(true);
  });

  it.each(["", "_a", "-a", ".a", "..", "a/b", "a b", "a\n", "a\u0000", "é", "a%2fb", "x".repeat(129), 1, null])(
    "refuses %j",
    (id) => {
      expect(OpaqueIdSchema.safeParse(id).success).toBe(false);
    },
  );
});
