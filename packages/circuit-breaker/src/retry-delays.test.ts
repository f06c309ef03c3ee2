import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryDelays, type RetryPolicy } from "./index.ts";

describe("retryDelays", () => {
  it("doubles from a second to ten by default, three times (P-16)", () => {
    expect(retryDelays()).toEqual([1_000, 2_000, 4_000]);
    expect(retryDelays({ maxRetries: 6 })).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it("stays the same where backoff is fixed", () => {
    expect(retryDelays({ maxRetries: 3, backoff: "fixed", initialDelay: 250 })).toEqual([250, 250, 250]);
  });

  it("draws each delay evenly between nothing and what backoff allows", () => {
    expect(retryDelays({}, () => 0.25)).toEqual([250, 500, 1_000]);
    expect(retryDelays({}, () => 0)).toEqual([0, 0, 0]);
    expect(retryDelays({ jitter: "none" }, () => 0)).toEqual([1_000, 2_000, 4_000]);
  });

  it("never passes maxDelay nor the delay without jitter, however many retries there are", () => {
    const policies = fc.record({
      maxRetries: fc.integer({ min: 0, max: 1_000 }),
      backoff: fc.constantFrom("exponential", "fixed"),
      initialDelay: fc.nat(1e6),
      maxDelay: fc.nat(1e6),
    });
    fc.assert(
      fc.property(
        policies,
        fc.float({ min: 0, max: Math.fround(0.999), noNaN: true }),
        (policy: RetryPolicy, random) => {
          const longest = retryDelays({ ...policy, jitter: "none" });
          const delays = retryDelays(policy, () => random);

          expect(delays).toHaveLength(policy.maxRetries ?? Number.NaN);
          expect(longest.every((delay) => delay <= (policy.maxDelay ?? Number.NaN))).toBe(true);
          expect(delays.every((delay, index) => delay >= 0 && delay <= (longest[index] ?? Number.NaN))).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});
