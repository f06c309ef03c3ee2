import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { killTree } from "./kill-tree.ts";
import { lostTree } from "./process-tree.ts";

describe("killTree", () => {
  it("reports at once that nothing is left of an attempt that left nothing", async () => {
    const report = await killTree({ root: lostTree("att_none"), clock: new ManualClock() });

    expect(report).toEqual({ killed: [], survivors: [] });
  });

  it("names the survivors when the deadline has come", async () => {
    const immortal = {
      pid: 2 ** 22 + 1,
      parent: 1,
      group: 1,
      session: 1,
      startTime: 1,
      isZombie: false,
      attemptId: "att_1",
    };

    const report = await killTree({
      root: lostTree("att_1"),
      clock: systemClock,
      deadlineMs: 50,
      readTable: () => Promise.resolve([immortal]),
    });

    expect(report).toEqual({ killed: [], survivors: [immortal.pid] });
  });
});
