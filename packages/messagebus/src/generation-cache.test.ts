import { describe, expect, it } from "vitest";

import { GenerationCache } from "./generation-cache.ts";

describe("GenerationCache", () => {
  it("never holds more than its size, whatever comes", () => {
    const cache = new GenerationCache<number, string>(10);

    for (let key = 0; key < 1_000; key++) {
      cache.set(key, `value ${key}`);
      expect(cache.size).toBeLessThanOrEqual(10);
    }

    expect(cache.get(999)).toBe("value 999");
    expect(cache.get(0)).toBeUndefined();
  });

  it("keeps what is asked for again and again through a flood of others", () => {
    const cache = new GenerationCache<number | string, number>(10);
    cache.set("used", 1);

    for (let key = 0; key < 100; key++) {
      cache.set(key, key);
      expect(cache.get("used")).toBe(1);
    }
  });

  it("keeps at least the newest half", () => {
    const cache = new GenerationCache<number, number>(10);
    for (let key = 0; key < 1_003; key++) cache.set(key, key);

    const newest = [998, 999, 1_000, 1_001, 1_002];

    expect(newest.map((key) => cache.get(key))).toEqual(newest);
  });

  it("forgets what is deleted, in either generation", () => {
    const cache = new GenerationCache<string, number>(2);
    cache.set("old", 1);
    cache.set("young", 2);

    cache.delete("old");
    cache.delete("young");

    expect([cache.get("old"), cache.get("young"), cache.size]).toEqual([undefined, undefined, 0]);
  });

  it("forgets everything when it is cleared", () => {
    const cache = new GenerationCache<string, number>(2);
    cache.set("old", 1);
    cache.set("young", 2);

    cache.clear();

    expect([cache.get("old"), cache.get("young")]).toEqual([undefined, undefined]);
  });
});
