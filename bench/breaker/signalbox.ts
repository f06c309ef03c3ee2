import { CircuitBreaker } from "@signalbox/circuit-breaker";

import { failingWork, work, type Contender } from "./contender.ts";

/** The options of the plugin guide. */
export const signalbox: Contender<CircuitBreaker> = {
  make() {
    return new CircuitBreaker("payments", {
      threshold: 5,
      timeout: 60_000,
      halfOpenRetries: 3,
      monitoringWindow: 300_000,
    });
  },
  call: (breaker) => breaker.execute(work),
  fail: (breaker) => breaker.execute(failingWork),
  isOpen: (breaker) => breaker.getState() === "open",
};

/** A share of failures instead of a number of them: then successes are counted too, and when. */
export const signalboxRate: Contender<CircuitBreaker> = {
  ...signalbox,
  make() {
    return new CircuitBreaker("payments", {
      failureRate: 0.5,
      minimumCalls: 10,
      timeout: 60_000,
      monitoringWindow: 300_000,
    });
  },
};
