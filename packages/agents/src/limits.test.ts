import { describe, expect, it } from "vitest";

import { AGENT_LIMITS, agentLimits } from "./limits.ts";

describe("agentLimits", () => {
  it("has the value of each row, or another that was asked for", () => {
    expect(agentLimits({ "line.bytes": 5 })).toMatchObject({
      "line.bytes": 5,
      "queue.events": AGENT_LIMITS["queue.events"].value,
    });
  });

  it.each([[{ "line.byte": 5 }], [{ "line.bytes": 0 }], [{ "line.bytes": 1.5 }], [{ "line.bytes": Infinity }]])(
    "refuses %j",
    (overrides) => {
      expect(() => agentLimits(overrides as never)).toThrow(RangeError);
    },
  );
});
