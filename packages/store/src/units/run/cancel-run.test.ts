import { describe, expect, it } from "vitest";

import { Fleet, gate } from "../../../test/_support/fleet.ts";

describe("cancelRun", () => {
  it.each(["cancel", "abort"] as const)("ends a run at which nothing works at once (%s)", async (mode) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", "b"]);

    const outcome = await fleet.cancel(runId, { mode, reason: "enough" });

    expect(outcome.live).toEqual([]);
    expect(await fleet.states(runId)).toBe("cancelled: cancelled cancelled");
    expect(await fleet.progress(runId)).toMatchObject({
      reason: "cancelled",
      message: "enough",
      cancelMode: mode,
      endedAt: fleet.now,
    });
  });

  it("names the attempts to stop, and the run ends with the last of them", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", { name: "b", tool: "command", needs: [] }, "c"]);
    const [a, b] = [await fleet.lease(runId, 0), await fleet.lease(runId, 1)];
    await fleet.start(a);

    const outcome = await fleet.cancel(runId);
    expect(outcome.live).toEqual([a.attemptId, b.attemptId]);
    expect(await fleet.states(runId)).toBe("running: running ready cancelled");
    await fleet.finish(a, { outcome: "cancelled" });
    await fleet.finish(b, { outcome: "interrupted" });

    expect(await fleet.states(runId)).toBe("cancelled: cancelled cancelled cancelled");
  });

  it("begins nothing more: not the next step, not another attempt", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "a", tool: "command", retry: { maxAttempts: 5 } }, "b"]);
    const held = await fleet.lease(runId, 0);
    await fleet.start(held);
    await fleet.cancel(runId);

    await fleet.finish(held, { outcome: "failed", reason: "timeout" });

    expect(await fleet.states(runId)).toBe("cancelled: cancelled cancelled");
    expect((await fleet.progress(runId)).steps[0]?.attempts[0]?.state).toBe("failed");
  });

  it("comes too late for a step that succeeds all the same: the run has succeeded, for no reason", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.cancel(runId, { reason: "enough" });

    await fleet.finish(held);

    expect(await fleet.states(runId)).toBe("succeeded: succeeded");
    expect(await fleet.progress(runId)).toMatchObject({ reason: null, message: null });
  });

  it("supersedes a gate that waits", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("ask"), "work"]);

    await fleet.cancel(runId);

    expect(await fleet.store.all("SELECT state, decided_at FROM gates")).toEqual([
      { state: "superseded", decided_at: fleet.now },
    ]);
    expect(await fleet.events(runId, 2)).toEqual([
      "run.cancel_requested",
      "gate.superseded",
      "step.finished",
      "step.finished",
      "run.cancelled",
    ]);
  });

  it("ends a step that waits for its next attempt", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "work", tool: "command", retry: { maxAttempts: 2 } }]);
    await fleet.attempt(runId, 0, { outcome: "failed", reason: "timeout" });

    await fleet.cancel(runId);

    expect(await fleet.states(runId)).toBe("cancelled: cancelled");
  });

  it.each([
    ["cancel", "cancel", "cancel", 1],
    ["cancel", "abort", "abort", 2],
    ["abort", "cancel", "abort", 1],
    ["abort", "abort", "abort", 1],
  ] as const)("after %s takes %s and is at %s", async (first, second, mode, told) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);

    await fleet.cancel(runId, { mode: first });
    const again = await fleet.cancel(runId, { mode: second });

    expect(again.live).toEqual([held.attemptId]);
    expect((await fleet.progress(runId)).cancelMode).toBe(mode);
    expect((await fleet.events(runId)).filter((type) => type === "run.cancel_requested")).toHaveLength(told);
  });

  it("refuses a run that has ended", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    await fleet.attempt(runId, 0);

    await expect(fleet.cancel(runId)).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("finds no run of another org", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);

    await expect(fleet.cancel(runId, { orgId: "org-b" })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  it("fails a run whose time is over, also when somebody sharpens it then", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.cancel(runId, { because: "timeout" });
    await fleet.cancel(runId, { mode: "abort" });

    await fleet.finish(held, { outcome: "cancelled" });

    expect(await fleet.states(runId)).toBe("failed: cancelled");
    expect((await fleet.progress(runId)).reason).toBe("timeout");
  });
});
