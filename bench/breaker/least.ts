import { failingWork, work, type Contender } from "./contender.ts";

/** No breaker at all. */
export const bare: Contender<undefined> = {
  make: () => undefined,
  call: work,
  fail: failingWork,
  isOpen: () => false,
};

/** The least that can be called a circuit breaker: a count, a moment, an async function. */
export const least: Contender<LeastBreaker> = {
  make: () => new LeastBreaker(),
  call: (breaker) => breaker.execute(work),
  fail: (breaker) => breaker.execute(failingWork),
  isOpen: (breaker) => breaker.untilMs > performance.now(),
};

class LeastBreaker {
  untilMs = 0;
  #failures = 0;

  async execute<Value>(primary: () => Promise<Value>): Promise<Value> {
    if (this.#failures >= 5 && performance.now() < this.untilMs) throw withoutStack();
    try {
      return await primary();
    } catch (error) {
      this.#failures++;
      if (this.#failures >= 5) this.untilMs = performance.now() + 60_000;
      throw error;
    }
  }
}

function withoutStack(): Error {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error("open");
  Error.stackTraceLimit = before;
  return error;
}
