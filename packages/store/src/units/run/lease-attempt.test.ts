import { describe, expect, it } from "vitest";

import { CALLER, Fleet, gate, ORG } from "../../../test/_support/fleet.ts";

describe("leaseAttempt", () => {
  it("gives a ready step to a runner under an epoch above every one before", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const first = await fleet.lease(runId, 0);
    await fleet.lose(first);

    const second = await fleet.lease(runId, 0, { runnerId: "rnr_2" });

    expect([first.epoch, second.epoch]).toEqual([1, 2]);
    expect((await fleet.progress(runId)).steps[0]).toMatchObject({ state: "ready", live: 2, losses: 1 });
  });

  it("refuses to lease a step twice", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    await fleet.lease(runId, 0);

    const again = fleet.lease(runId, 0, { number: 1, runnerId: "rnr_2" });
    const next = fleet.lease(runId, 0, { number: 2, runnerId: "rnr_2" });

    await expect(again).rejects.toMatchObject({ code: "INVALID_STATE" });
    await expect(next).rejects.toMatchObject({ code: "INVALID_STATE" });
    expect(await fleet.events(runId)).toEqual(["run.created", "attempt.leased"]);
  });

  it.each([
    ["a step that waits for another", 1],
    ["a step that is not there", 7],
  ])("refuses %s", async (_, stepIndex) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["a", "b"]);

    await expect(fleet.lease(runId, stepIndex)).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("refuses a run that is not there", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);

    await expect(fleet.store.run("leaseAttempt", { ...leaseOf(fleet), runId: `${runId}x` })).rejects.toMatchObject({
      code: "RUN_NOT_FOUND",
    });
  });

  it.each(["drain", "retire"] as const)("refuses a runner after %s", async (move) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    await fleet.store.run("changeRunner", { runnerId: "rnr_1", move, now: fleet.now, actor: CALLER });

    await expect(fleet.lease(runId, 0)).rejects.toMatchObject({ code: "RUNNER_NOT_FOUND" });
  });

  it("refuses a runner of another org", async () => {
    await using fleet = await Fleet.open();
    await fleet.register("rnr_b", { orgId: "org-b" });
    const { runId } = await fleet.createRun(["work"]);

    await expect(fleet.lease(runId, 0, { runnerId: "rnr_b" })).rejects.toMatchObject({ code: "RUNNER_NOT_FOUND" });
  });

  it("refuses an envelope that was made for another workspace", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"], { header: fleet.header({ baseManifest: "m1" }) });

    await expect(fleet.lease(runId, 0, { manifest: "m0" })).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
  });

  it("refuses what no gate approved, and takes what one did", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("ask"), "work"]);
    const [asked] = await fleet.store.all<{ id: string; content_hash: string }>("SELECT id, content_hash FROM gates");
    const approval = { gateId: asked!.id, contentHash: asked!.content_hash };
    await fleet.resolve(asked!.id, "approve");

    const other = fleet.lease(runId, 1, { approvals: [{ ...approval, contentHash: "0".repeat(64) }] });
    await expect(other).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    const leased = await fleet.lease(runId, 1, { approvals: [approval] });

    expect(leased.epoch).toBe(1);
  });

  it("takes a gate that waits, or was denied, for no approval", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("ask"), { name: "work", tool: "command", needs: [] }]);
    const [asked] = await fleet.store.all<{ id: string; content_hash: string }>("SELECT id, content_hash FROM gates");
    const approvals = [{ gateId: asked!.id, contentHash: asked!.content_hash }];

    await expect(fleet.lease(runId, 1, { approvals })).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    await fleet.resolve(asked!.id, "deny");
    await expect(fleet.lease(runId, 1, { approvals })).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
  });
});

function leaseOf(fleet: Fleet) {
  return {
    runId: "",
    stepIndex: 0,
    number: 1,
    runnerId: "rnr_1",
    envelopeHash: "",
    manifest: null,
    approvals: [],
    now: fleet.now,
    orgId: ORG,
  };
}
