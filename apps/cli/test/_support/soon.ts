import { expect } from "vitest";

const PATIENCE = { timeout: 10_000, interval: 20 };

/** An expectation that becomes true before long: `await soon(() => value).toBe(…)`. */
export function soon(actual: () => unknown): ReturnType<typeof expect.poll> {
  return expect.poll(actual, PATIENCE);
}
