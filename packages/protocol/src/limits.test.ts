import { describe, expect, it } from "vitest";

import { limit, LIMITS, type LimitName } from "./limits.ts";

describe("LIMITS", () => {
  it.each(Object.entries(LIMITS))("%s is a whole number above zero with a meaning", (name, { value, meaning }) => {
    expect(Number.isSafeInteger(value) && value > 0).toBe(true);
    expect(meaning).not.toBe("");
    expect(limit(name as LimitName)).toBe(value);
  });

  // One limit that must stay below another, or a rule of the protocol breaks.
  it.each<[LimitName, LimitName, string]>([
    ["lease.renewMs", "lease.ttlMs", "two renewals may be lost before a lease ends"],
    ["runner.heartbeatMs", "runner.offlineMs", "two heartbeats may be lost before a runner is offline"],
    ["output.frameBytes", "output.windowBytes", "several frames fit into the window"],
    ["output.frameBytes", "link.messageBytes", "a frame fits into a message"],
    ["step.timeoutMs", "step.timeoutMaxMs", "the default is one that may be asked for"],
    ["body.anonymousBytes", "body.bytes", "a stranger may send less"],
    ["disk.reserveBytes", "disk.minFreeBytes", "the reserve is inside of what is kept free"],
  ])("has %s below %s: %s", (smaller, larger) => {
    const factor = smaller === "lease.renewMs" || smaller === "runner.heartbeatMs" ? 2 : 1;

    expect(limit(smaller) * factor).toBeLessThan(limit(larger));
  });
});
