import { sha256Hex } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startFleet } from "./_support/fleet.ts";
import { shell } from "./_support/grants.ts";

describe("an attempt", () => {
  it("runs, streams its output and is finished when the control plane says so", async () => {
    await using fleet = await startFleet();

    const attempt = fleet.fake.offer(shell("printf hello; printf oops >&2; exit 3"));
    const result = await fleet.fake.resultOf(attempt);

    expect(result).toMatchObject({ outcome: "failed", reason: "tool_failure", exitCode: 3 });
    expect(fleet.fake.text(attempt)).toBe("hello");
    expect(fleet.fake.text(attempt, "stderr")).toBe("oops");
    expect(result.streams.find(({ stream }) => stream === "stdout")).toEqual({ stream: "stdout", length: 5, sha256: sha256Hex("hello") });
    expect(fleet.fake.of("started")).toMatchObject([{ envelopeHash: attempt.grant.envelopeHash }]);
    await eventually(() => fleet.runner.status().attempts.length === 0);
  });
});
