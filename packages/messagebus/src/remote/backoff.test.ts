import { describe, expect, it } from "vitest";

import { Backoff } from "./backoff.ts";

describe("Backoff", () => {
  it("waits anything below a ceiling that doubles up to the highest, and begins anew after a success", () => {
    const backoff = new Backoff({ random: () => 0.999, firstMs: 100, maxMs: 1_000 });
    const lazy = new Backoff({ random: () => 0, firstMs: 100, maxMs: 1_000 });

    const waits = Array.from({ length: 6 }, () => Math.ceil(backoff.next()));
    backoff.reset();

    expect(waits).toEqual(
      [100, 200, 400, 800, 999, 999].map((ms) => expect.toSatisfy((wait) => Math.abs(wait - ms) <= 1)),
    );
    expect(Math.ceil(backoff.next())).toBe(100);
    expect(Array.from({ length: 100 }, () => lazy.next())).toEqual(Array.from({ length: 100 }, () => 0));
  });
});
