import { StorageFullError } from "@signalbox/store";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { command, dataOf, Rig } from "../../test/_support/rig.ts";

const GATE = { name: "ask", tool: "gate:manual", inputs: { expiresInMs: 10_000 } };

describe("a timer", () => {
  it("expires a gate that nobody answered, at its moment and not before", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun([GATE, "deploy"]);

    await rig.pass(9_999, 9_999);
    expect(await rig.states(run.id)).toBe("queued: waiting pending");
    await rig.pass(1);

    expect((await rig.details(run.id)).run).toMatchObject({ status: "failed", reason: "gate_expired" });
    expect((await rig.details(run.id)).gates).toMatchObject([{ status: "expired", decidedBy: { kind: "system" } }]);
  });

  it("leaves a gate alone that was answered in time", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun([GATE, "deploy"]);
    dataOf(await rig.plane.gates.approveGate((await rig.details(run.id)).gates[0]!.id));

    await rig.pass(20_000, 10_000);

    expect(await rig.states(run.id)).toBe("running: succeeded ready");
  });

  it("lets a step wait before it is tried again", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    await rig.createRun([command("a", { retry: { maxAttempts: 3, initialDelayMs: 4_000 } })]);
    for (const [place, delayMs] of [4_000, 8_000].entries()) {
      await runner.work(await runner.grant(place), { outcome: "failed", reason: "tool_failure" });

      await rig.pass(delayMs - 1, delayMs);
      expect(runner.grants).toHaveLength(place + 1);
      await rig.pass(1);

      expect(runner.grants).toHaveLength(place + 2);
    }
  });

  it("stops a run whose time is over: it has failed, and what runs is told to end", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a", "b"], { timeoutMs: 20_000 });
    const grant = await runner.grant();
    await runner.start(grant);

    await rig.pass(19_999, 19_999);
    expect(runner.heard("cancel")).toEqual([]);
    await rig.pass(1);
    expect(runner.heard("cancel")).toMatchObject([{ attemptId: grant.attemptId, mode: "cancel" }]);
    expect(await runner.renew(grant)).toEqual(["cancel"]);
    await runner.finish(grant, { outcome: "cancelled" });

    expect((await rig.details(run.id)).run).toMatchObject({ status: "failed", reason: "timeout" });
    expect(rig.plane.stats().counters["runs_failed"]).toBe(1);
  });

  it("stops a run at once of which nothing has begun, and withdraws its offers", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ answer: "silence" });
    const run = await rig.createRun(["a"], { timeoutMs: 1_000 });

    await rig.pass(1_000);

    expect((await rig.details(run.id)).run).toMatchObject({ status: "failed", reason: "timeout" });
    expect(runner.heard("withdraw")).toHaveLength(1);
  });

  it("does not touch a run that was over in time", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"], { timeoutMs: 5_000 });
    await runner.work(await runner.grant());

    await rig.pass(10_000, 5_000);

    expect((await rig.details(run.id)).run).toMatchObject({ status: "succeeded" });
    expect(await rig.store.all("SELECT id FROM timers")).toEqual([]);
  });

  it("fires in the order of time, whichever was set first, a thousand as well as one", async () => {
    await using rig = await Rig.open();
    const runs = await Promise.all(
      Array.from({ length: 250 }, (_, index) => rig.createRun([{ ...GATE, inputs: { expiresInMs: 10_000 - index } }])),
    );

    const failed = async (count: number) => {
      rig.clock.advance(0);
      return (await rig.store.all("SELECT id FROM runs WHERE state = 'failed'")).length === count;
    };

    rig.clock.advance(9_900);
    await eventually(() => failed(150));
    rig.clock.advance(100);
    await eventually(() => failed(runs.length));

    expect(await rig.store.all("SELECT seq FROM events WHERE type = 'gate.expired'")).toHaveLength(runs.length);
  });

  it("that the store could not take fires a moment later, once", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun([GATE]);
    rig.failOnce("fireTimer", new StorageFullError("no room"));

    await rig.pass(10_000, 10_000);
    expect(await rig.states(run.id)).toBe("queued: waiting");
    await rig.pass(1_000);

    expect(await rig.states(run.id)).toBe("failed: failed");
    expect((await rig.events(run.id)).filter(({ type }) => type === "gate.expired")).toHaveLength(1);
  });
});
