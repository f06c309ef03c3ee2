import { describe, expect, it } from "vitest";

import { Fleet, heldOf } from "../../../test/_support/fleet.ts";

describe("reportProgress", () => {
  it("tells how far a step has come", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = heldOf(await fleet.lease(runId, 0));

    await fleet.store.run("reportProgress", { ...held, percent: 40, message: "almost", now: fleet.now });

    const event = await fleet.store.get<{ data: string; actor: string }>(
      "SELECT data, actor FROM events WHERE type = 'step.progress'",
    );
    expect(JSON.parse(event?.data ?? "")).toEqual({ name: "work", percent: 40, message: "almost" });
    expect(event?.actor).toBe("runner:rnr_1");
  });

  it("drops what comes after the end", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.attempt(runId, 0);
    const before = await fleet.events(runId);

    await fleet.store.run("reportProgress", { ...held, percent: 99, now: fleet.now });

    expect(await fleet.events(runId)).toEqual(before);
  });

  it.each([{ epoch: 3 }, { runnerId: "rnr_2" }])("is fenced with %j", async (over) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = heldOf(await fleet.lease(runId, 0));

    await expect(
      fleet.store.run("reportProgress", { ...held, percent: 1, now: fleet.now, ...over }),
    ).rejects.toMatchObject({ code: "FENCED" });
  });
});
