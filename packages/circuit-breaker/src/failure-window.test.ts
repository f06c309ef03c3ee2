import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FailureRate } from "./failure-rate.ts";
import { FailureTimes, type FailureWindow } from "./failure-window.ts";

interface Result {
  readonly afterMs: number;
  readonly hasFailed: boolean;
}

const results = (): fc.Arbitrary<Result[]> =>
  fc.array(fc.record({ afterMs: fc.constantFrom(0, 10, 20, 30, 100), hasFailed: fc.boolean() }), {
    maxLength: 200,
    size: "max",
  });

/** Keeps everything and looks through it. */
class WholeHistory {
  readonly #ended: { atMs: number; hasFailed: boolean }[] = [];

  add(hasFailed: boolean, atMs: number): void {
    this.#ended.push({ atMs, hasFailed });
  }

  since(fromMs: number): { calls: number; failures: number } {
    const recent = this.#ended.filter(({ atMs }) => atMs > fromMs);
    return { calls: recent.length, failures: recent.filter(({ hasFailed }) => hasFailed).length };
  }
}

function replay(
  window: FailureWindow,
  list: readonly Result[],
  look: (tripped: boolean, nowMs: number, all: WholeHistory) => void,
) {
  const all = new WholeHistory();
  let nowMs = 0;
  for (const { afterMs, hasFailed } of list) {
    nowMs += afterMs;
    all.add(hasFailed, nowMs);
    look(window.add(hasFailed, nowMs), nowMs, all);
  }
}

describe("FailureTimes", () => {
  it("counts what the whole history has within the window, up to its size", () => {
    fc.assert(
      fc.property(
        results(),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 500 }),
        (list, size, windowMs) => {
          const window = new FailureTimes(size, windowMs);
          replay(window, list, (_tripped, nowMs, all) => {
            expect(window.countFailures(nowMs)).toBe(Math.min(size, all.since(nowMs - windowMs).failures));
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it("is not tripped by a success", () => {
    const window = new FailureTimes(1, 1_000);
    window.add(true, 0);

    expect(window.add(false, 1)).toBe(false);
  });

  it("trips at the failure that makes them too many, and at no other", () => {
    fc.assert(
      fc.property(results(), fc.integer({ min: 1, max: 12 }), (list, size) => {
        replay(
          new FailureTimes(size, 100),
          list.filter(({ hasFailed }) => hasFailed),
          (tripped, nowMs, all) => {
            expect(tripped).toBe(all.since(nowMs - 100).failures >= size);
          },
        );
      }),
      { numRuns: 100 },
    );
  });

  it("no longer counts a failure when the window has passed", () => {
    const window = new FailureTimes(2, 1_000);

    window.add(true, 0);

    expect([window.countFailures(999), window.countFailures(1_000)]).toEqual([1, 0]);
  });
});

describe("FailureRate", () => {
  const settings = { failureRate: 0.5, minimumCalls: 5, monitoringWindow: 1_000 };

  it("counts all of the last nine tenths of the window, and nothing older than it", () => {
    fc.assert(
      fc.property(results(), (list) => {
        const window = new FailureRate(settings);
        replay(window, list, (_tripped, nowMs, all) => {
          const counted = window.countFailures(nowMs);
          expect(counted).toBeGreaterThanOrEqual(all.since(nowMs - 900).failures);
          expect(counted).toBeLessThanOrEqual(all.since(nowMs - 1_000 - 1e-6).failures);
        });
      }),
      { numRuns: 100 },
    );
  });

  it("trips exactly at its share while all calls lie within the window", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 100, size: "max" }), (ends) => {
        const list = ends.map((hasFailed) => ({ afterMs: 1, hasFailed }));
        replay(new FailureRate(settings), list, (tripped, _nowMs, all) => {
          const { calls, failures } = all.since(-1);
          expect(tripped).toBe(calls >= 5 && failures / calls >= 0.5);
        });
      }),
      { numRuns: 100 },
    );
  });

  it("forgets everything in a long silence", () => {
    const window = new FailureRate(settings);
    for (let call = 0; call < 4; call++) window.add(true, call);

    const afterwards = window.add(true, 1e12);

    expect(afterwards).toBe(false);
    expect(window.countFailures(1e12)).toBe(1);
  });
});
