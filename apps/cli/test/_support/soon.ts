import { PATIENCE_MS } from "@signalbox/testkit";
import { expect } from "vitest";

const PATIENCE = { timeout: PATIENCE_MS, interval: 20 };

/** An expectation that becomes true before long: `await soon(() => value).toBe(…)`. */
export function soon(actual: () => unknown): ReturnType<typeof expect.poll> {
  return expect.poll(actual, PATIENCE);
}
