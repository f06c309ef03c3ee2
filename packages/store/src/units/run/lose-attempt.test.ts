import { describe, expect, it } from "vitest";

import { Fleet } from "../../../test/_support/fleet.ts";

describe("loseAttempt", () => {
  it.each([
    ["runner_lost", "lost"],
    ["interrupted", "interrupted"],
  ] as const)("because of %s ends the attempt as %s and gives its step back at once", async (reason, state) => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.start(held);

    const outcome = await fleet.lose(held, { reason });

    expect(outcome.ready).toMatchObject([{ index: 0, nextAttempt: 2 }]);
    expect((await fleet.progress(runId)).steps[0]).toMatchObject({
      state: "ready",
      live: null,
      losses: 1,
      attempts: [{ state }],
    });
    expect((await fleet.events(runId)).at(-1)).toBe("attempt.ended");
  });

  it("leaves an attempt alone that has ended meanwhile", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.attempt(runId, 0);

    const outcome = await fleet.lose(held);

    expect(outcome.state).toBe("succeeded");
    expect(outcome.lastSeq).toBe((await fleet.events(runId)).length);
  });

  it("ends the step, and the run, when infrastructure has failed too often", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([{ name: "work", tool: "command", retry: { maxLost: 0 } }]);

    await fleet.lose(await fleet.lease(runId, 0));

    expect(await fleet.states(runId)).toBe("failed: failed");
    expect(await fleet.progress(runId)).toMatchObject({ reason: "runner_lost" });
  });

  it("ends a run that was waiting for it to be cancelled", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);
    await fleet.cancel(runId);

    await fleet.lose(held);

    expect(await fleet.states(runId)).toBe("cancelled: cancelled");
  });

  it("refuses another epoch than the attempt's", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);
    const held = await fleet.lease(runId, 0);

    await expect(fleet.lose(held, { epoch: 2 })).rejects.toMatchObject({ code: "FENCED" });
  });
});
