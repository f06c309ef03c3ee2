import CircuitBreaker from "opossum";

import { failingWork, work, type Contender } from "./contender.ts";

const perform = (isFailing: boolean) => (isFailing ? failingWork() : work());

/** Opossum without its timeout, which no other contender has: a timer for each call would be most of its figure. */
export const opossum: Contender<CircuitBreaker<[boolean]>> = {
  make() {
    return new CircuitBreaker(perform, {
      timeout: false,
      resetTimeout: 60_000,
      volumeThreshold: 10,
    });
  },
  call: (breaker) => breaker.fire(false),
  fail: (breaker) => breaker.fire(true),
  isOpen: (breaker) => breaker.opened,
};
