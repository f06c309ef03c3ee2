import { ManualClock } from "@signalbox/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failTimes, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import { steadyClock, systemClock } from "./clock.ts";
import { CircuitBreaker } from "./index.ts";

/** A clock that says whatever it is told to say. */
function sayingClock() {
  const said = { monotonic: 0, now: 0 };
  return { said, now: () => said.now, monotonic: () => said.monotonic, setTimer: () => ({ cancel: () => undefined }) };
}

describe("steadyClock", () => {
  it("never goes back and counts all that goes forward, whatever the clock says", () => {
    const says = fc.oneof(fc.double(), fc.integer({ min: -1e6, max: 1e6 }));
    fc.assert(
      fc.property(fc.array(says, { size: "large" }), (readings) => {
        const clock = sayingClock();
        const steady = steadyClock(clock);
        let last = steady.monotonic();
        for (const reading of readings) {
          clock.said.monotonic = reading;
          const next = steady.monotonic();
          expect(next).toBeGreaterThanOrEqual(last);
          last = next;
        }
      }),
      { numRuns: 200 },
    );
  });

  it("goes on from where it was after a step back", () => {
    const clock = sayingClock();
    const steady = steadyClock(clock);

    const readings = [1_000, 1_500, 200, 300, Number.NaN, 400].map((reading) => {
      clock.said.monotonic = reading;
      return steady.monotonic();
    });

    expect(readings).toEqual([1_000, 1_500, 1_500, 1_600, 1_600, 1_700]);
  });

  it("leaves the machine's clock as it is", () => {
    expect(steadyClock(systemClock)).toBe(systemClock);
  });
});

describe("A circuit breaker whose clock jumps", () => {
  it("stays open for its time, counted from the jump on", async () => {
    const clock = sayingClock();
    const breaker = new CircuitBreaker("payments", { announce: false, threshold: 1, timeout: 1_000, clock });
    clock.said.monotonic = 1e9;
    await failTimes(breaker, 1);

    clock.said.monotonic = 5;
    const afterJump = breaker.getState();
    clock.said.monotonic = 1_004;
    const before = breaker.getState();
    clock.said.monotonic = 1_005;

    expect([afterJump, before, breaker.getState()]).toEqual(["open", "open", "half-open"]);
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [-1e300]])(
    "tells its changes with %d as the date",
    async (now) => {
      const clock = { ...sayingClock(), now: () => now };
      const breaker = new CircuitBreaker("payments", { announce: false, threshold: 1, clock });
      const timestamps: string[] = [];
      breaker.on("opened", ({ timestamp }) => timestamps.push(timestamp));

      await failTimes(breaker, 1);

      expect(timestamps).toEqual(["1970-01-01T00:00:00.000Z"]);
    },
  );
});

describe("5,000 circuit breakers", () => {
  it("set no timer, whatever state they are in", async () => {
    const clock = new ManualClock();
    const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const breakers = Array.from({ length: 5_000 }, () => manualBreaker({ threshold: 1, clock }).breaker);

    for (const [index, breaker] of breakers.entries()) {
      if (index % 3 === 0) await succeedTimes(breaker, 1);
      if (index % 3 === 1) await failTimes(breaker, 1);
      if (index % 3 === 2) breaker.isolate();
    }

    const timersAfter = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    expect([clock.pendingTimers, timersAfter - timersBefore]).toEqual([0, 0]);
  });
});
