import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { failTimes, fails } from "../test/manual-breaker.ts";
import { CircuitBreaker, type CircuitBreakerOptions } from "./index.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapBytes(): number {
  for (let round = 0; round < 4; round++) collect();
  return process.memoryUsage().heapUsed;
}

/** The guide's options, a new object each time, as users write them. */
const newOptions = (): CircuitBreakerOptions => ({
  threshold: 5,
  timeout: 60_000,
  halfOpenRetries: 3,
  monitoringWindow: 300_000,
});

describe("The memory of a circuit breaker", () => {
  it("is at most 500 bytes, also when it remembers failures", async () => {
    const count = 30_000;
    const breakers: CircuitBreaker[] = Array.from({ length: count });
    const warm = new CircuitBreaker("payments", newOptions());
    await failTimes(warm, 4);
    const before = heapBytes();

    for (let index = 0; index < count; index++) breakers[index] = new CircuitBreaker("payments", newOptions());
    const fresh = (heapBytes() - before) / count;
    for (const breaker of breakers) await failTimes(breaker, 4);
    const used = (heapBytes() - before) / count;

    expect(breakers.every((breaker) => breaker.getState() === "closed")).toBe(true);
    expect(fresh).toBeLessThanOrEqual(500);
    expect(used).toBeLessThanOrEqual(500);
  });

  it("does not grow with calls, failures, refusals and changes", async () => {
    const breaker = new CircuitBreaker("payments", { announce: false, threshold: 100, isFailure: () => true });
    const work = async () => {
      await failTimes(breaker, 99);
      breaker.open();
      await breaker.execute(fails, () => undefined);
      breaker.close();
    };
    for (let round = 0; round < 50; round++) await work();
    const before = heapBytes();

    for (let round = 0; round < 500; round++) await work();

    expect(heapBytes() - before).toBeLessThan(100_000);
  });
});
