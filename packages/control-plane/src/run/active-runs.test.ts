import { openSignalboxStore } from "@signalbox/store/sqlite";
import { describe, expect, it } from "vitest";

import { RunLog } from "../events/run-log.ts";
import { ActiveRuns } from "./active-runs.ts";

describe("ActiveRuns", () => {
  it("refuses an org more unfinished runs than it may have, and no other org", async () => {
    await using store = await openSignalboxStore({ directory: ":memory:" });
    const runLog = new RunLog({ store });
    const activeRuns = new ActiveRuns({ runLog, max: 2 });
    const tell = (runId: string, state: "queued" | "succeeded") =>
      runLog.tell({ runId, orgId: "a", state, lastSeq: 1, ready: [], timers: [], sessions: [] });

    for (const runId of ["run_1", "run_2", "run_2"]) tell(runId, "queued");
    expect(() => activeRuns.requireRoom("a")).toThrow(
      expect.objectContaining({ code: "RUN_LIMIT_EXCEEDED", details: { limit: 2 } }),
    );
    expect(() => activeRuns.requireRoom("b")).not.toThrow();
    tell("run_1", "succeeded");

    expect(() => activeRuns.requireRoom("a")).not.toThrow();
    expect(activeRuns.count).toBe(1);
  });
});
