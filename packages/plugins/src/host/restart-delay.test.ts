import { describe, expect, it } from "vitest";
import { restartDelayMs } from "./restart-delay.ts";

const policy = { restarts: 3, windowMs: 1_000, initialDelayMs: 100, maxDelayMs: 250 };

describe("restartDelayMs", () => {
  it.each([
    [[0], 100],
    [[0, 10], 200],
    [[0, 10, 20], 250],
    [[0, 10, 20, 30], undefined],
    [[0, 10, 20, 1_010], 200],
    [[0, 10, 20, 5_000], 100],
  ])("after crashes at %j is %s", (crashes, delay) => {
    expect(restartDelayMs(crashes, policy, 1)).toBe(delay);
  });

  it("is drawn between half of that and all of it", () => {
    expect([restartDelayMs([0], policy, 0), restartDelayMs([0], policy, 0.5)]).toEqual([50, 75]);
  });

  it("is none where there are to be no restarts", () => {
    expect(restartDelayMs([0], { ...policy, restarts: 0 }, 1)).toBeUndefined();
  });
});
