import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleAll,
  SamplingBreaker,
  type CircuitBreakerPolicy,
} from "cockatiel";

import { failingWork, work, type Contender } from "./contender.ts";

/** Its simplest breaker: it counts failures in a row, and knows no window. */
export const cockatiel: Contender<CircuitBreakerPolicy> = {
  make: () => circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker: new ConsecutiveBreaker(5) }),
  call: (policy) => policy.execute(work),
  fail: (policy) => policy.execute(failingWork),
  isOpen: (policy) => policy.state === CircuitState.Open,
};

/** Its breaker with a window: a share of failed calls. */
export const cockatielSampling: Contender<CircuitBreakerPolicy> = {
  ...cockatiel,
  make() {
    const breaker = new SamplingBreaker({ threshold: 0.9, duration: 300_000, minimumRps: 0.001 });
    return circuitBreaker(handleAll, { halfOpenAfter: 60_000, breaker });
  },
};
