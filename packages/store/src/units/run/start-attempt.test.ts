import { describe, expect, it } from "vitest";

import { Fleet } from "../../../test/_support/fleet.ts";

describe("startAttempt", () => {
  it("starts the attempt, its step and the run", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    fleet.now += 50;

    await fleet.start(held);

    expect(await fleet.states(runId)).toBe("running: running");
    expect(await fleet.progress(runId)).toMatchObject({
      startedAt: fleet.now,
      steps: [{ startedAt: fleet.now, attempts: [{ state: "running", sandbox: { engine: "none" } }] }],
    });
    expect(await fleet.events(runId, 2)).toEqual(["run.started", "step.started"]);
  });

  it("is fine to say twice", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    const first = await fleet.start(held);

    const again = await fleet.start(held);

    expect(again.lastSeq).toBe(first.lastSeq);
  });

  it("refuses another envelope than was leased", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);

    await expect(fleet.start(held, { envelopeHash: "0".repeat(64) })).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
    });

    expect(await fleet.states(runId)).toBe("queued: ready");
  });

  it.each([
    ["another epoch", { epoch: 2 }, "FENCED"],
    ["another runner", { runnerId: "rnr_2" }, "FENCED"],
    ["an attempt that never was", { attemptId: "att_000001.0.2" }, "ATTEMPT_NOT_FOUND"],
    ["an attempt of no run", { attemptId: "att_x.0.1" }, "ATTEMPT_NOT_FOUND"],
    ["another spelling of the id", { attemptId: "att_000001.0.01" }, "ATTEMPT_NOT_FOUND"],
    ["an id that is none", { attemptId: "nothing" }, "ATTEMPT_NOT_FOUND"],
  ])("refuses %s", async (_, over, code) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"], { id: "run_000001" });
    const held = await fleet.lease(runId, 0);

    await expect(fleet.start(held, over)).rejects.toMatchObject({ code });

    expect(await fleet.events(runId)).toEqual(["run.created", "attempt.leased"]);
  });

  it("refuses an attempt that was lost meanwhile", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.lose(held);

    await expect(fleet.start(held)).rejects.toMatchObject({ code: "FENCED" });
  });
});
