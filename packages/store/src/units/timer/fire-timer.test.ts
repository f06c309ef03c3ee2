import { describe, expect, it } from "vitest";

import { Fleet, gate } from "../../../test/_support/fleet.ts";

describe("fireTimer", () => {
  it("ends a delay, once", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "work", tool: "command", retry: { maxAttempts: 2 } }]);
    await fleet.attempt(runId, 0, { outcome: "failed", reason: "timeout" });
    const [timer] = await fleet.timers();
    fleet.now = timer!.due_at;

    const first = await fleet.fire(timer!.id);
    const second = await fleet.fire(timer!.id);

    expect(first?.run?.ready).toMatchObject([{ index: 0, nextAttempt: 2 }]);
    expect(second).toBeUndefined();
    expect(await fleet.timers()).toEqual([]);
  });

  it("does nothing before its time", async () => {
    await using fleet = await Fleet.open();
    await fleet.createRun([gate("ask")]);
    const [timer] = await fleet.timers();
    fleet.now = timer!.due_at - 1;

    expect(await fleet.fire(timer!.id)).toBeUndefined();

    expect(await fleet.timers()).toEqual([timer]);
  });

  it("expires a gate that nobody answered", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("ask"), "work"]);
    const [timer] = await fleet.timers();
    fleet.now = timer!.due_at;

    await fleet.fire(timer!.id);

    expect(await fleet.states(runId)).toBe("failed: failed skipped");
    expect((await fleet.events(runId)).slice(2, 5)).toEqual(["gate.expired", "run.started", "step.finished"]);
  });

  it("is forgotten without effect when its gate was answered", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("ask"), "work"]);
    const [timer] = await fleet.timers();
    await fleet.resolve(timer!.id.split(":")[2] ?? "", "approve");
    fleet.now = timer!.due_at;

    expect(await fleet.fire(timer!.id)).toEqual({ run: undefined });

    expect(await fleet.states(runId)).toBe("running: succeeded ready");
    expect(await fleet.timers()).toEqual([]);
  });

  it("fails a run whose time is over, after its attempts were stopped", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", "b"], { header: fleet.header({ timeoutMs: 1_000 }) });
    const held = await fleet.lease(runId, 0);
    fleet.now += 1_000;

    const outcome = await fleet.fire(`run.timeout:${runId}:`);
    expect(outcome?.run?.live).toEqual([held.attemptId]);
    await fleet.finish(held, { outcome: "cancelled" });

    expect(await fleet.states(runId)).toBe("failed: cancelled cancelled");
    expect(await fleet.progress(runId)).toMatchObject({ reason: "timeout" });
  });

  it("leaves a run alone that has ended", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"], { header: fleet.header({ timeoutMs: 1_000 }) });
    await fleet.attempt(runId, 0);
    fleet.now += 1_000;

    expect(await fleet.fire(`run.timeout:${runId}:`)).toBeUndefined();

    expect(await fleet.states(runId)).toBe("succeeded: succeeded");
  });

  it("leaves a step alone that was cancelled during its delay while another still works", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([
      { name: "a", tool: "command", retry: { maxAttempts: 2 } },
      { name: "b", tool: "command", needs: [] },
    ]);
    await fleet.attempt(runId, 0, { outcome: "failed", reason: "timeout" });
    const held = await fleet.lease(runId, 1);
    await fleet.cancel(runId);
    fleet.now += 60_000;

    await fleet.fire(`step.delay:${runId}:0`);
    await fleet.finish(held, { outcome: "cancelled" });

    expect(await fleet.states(runId)).toBe("cancelled: cancelled cancelled");
  });
});
