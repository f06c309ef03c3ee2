import { ManualClock } from "@signalbox/testkit";
import { CircuitBreaker, type CircuitBreakerOptions } from "../src/index.ts";

/** A breaker that tells nobody, with a clock that a test moves. */
export function manualBreaker(options: CircuitBreakerOptions = {}): { breaker: CircuitBreaker; clock: ManualClock } {
  const clock = new ManualClock();
  return { breaker: new CircuitBreaker("payments", { announce: false, clock, ...options }), clock };
}

/** Makes calls that fail, one after the other. */
export async function failTimes(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await breaker.execute(fails).catch(() => undefined);
}

/** Makes calls that succeed, one after the other. */
export async function succeedTimes(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await breaker.execute(async () => "well");
}

/** Work that fails. */
export async function fails(): Promise<never> {
  throw new Error("no service");
}
