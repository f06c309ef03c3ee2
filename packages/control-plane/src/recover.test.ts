import { verifyStore } from "@signalbox/store";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { command, dataOf, Rig } from "../test/_support/rig.ts";

describe("a control plane that takes up a store", () => {
  it("places the steps that waited", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);

    await rig.startPlane();
    const runner = await rig.runner();

    expect((await runner.grant()).envelope.runId).toBe(run.id);
  });

  it("goes on with runs whose runners come back, to the end, and no step runs twice", async () => {
    await using directory = await tempDir();
    await using rig = await Rig.open({ directory: directory.path });
    const before = await rig.runner();
    const run = await rig.createRun(["a", "b", { name: "ask", tool: "gate:manual" }, "c"]);
    await before.work(await before.grant(0));
    const held = await before.grant(1);
    await before.start(held);

    await rig.startPlane();
    const after = await rig.runner({ runnerId: before.runnerId });
    expect(await after.reconcile([{ attemptId: held.attemptId, epoch: held.epoch, state: "live" }])).toEqual(["keep"]);
    await after.finish(held);
    await rig.startPlane();
    dataOf(await rig.plane.gates.approveGate((await rig.details(run.id)).gates[0]!.id));
    await rig.startPlane();
    const last = await rig.runner({ runnerId: before.runnerId });
    await last.reconcile([]);
    await last.work(await last.grant());

    expect(await rig.states(run.id)).toBe("succeeded: succeeded succeeded succeeded succeeded");
    expect((await rig.details(run.id)).steps.map(({ attempts }) => attempts.length)).toEqual([1, 1, 0, 1]);
    expect((await verifyStore(rig.store)).problems).toEqual([]);
  });

  it("gives every lease its whole time again, and no more", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["a"]);
    await before.start(await before.grant());
    await rig.pass(34_000, 34_000);

    await rig.startPlane();
    await rig.pass(34_999, 34_999);
    expect(await rig.states(run.id)).toBe("running: running");
    await rig.pass(1);

    expect((await rig.step(run.id, "a")).attempts[0]).toMatchObject({ status: "lost", reason: "runner_lost" });
  });

  it("tells a runner that comes back of a wish to stop from before", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["a"]);
    const { attemptId, epoch } = await before.grant();
    dataOf(await rig.plane.runs.cancelRun(run.id, { mode: "abort" }));

    await rig.startPlane();
    const after = await rig.runner({ runnerId: before.runnerId });

    expect(await after.reconcile([{ attemptId, epoch, state: "live" }])).toEqual(["abort"]);
    expect(await after.renew({ attemptId, epoch })).toEqual(["abort"]);
  });

  it("holds the concurrency keys that runners hold", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    await rig.createRun([command("a", { concurrencyKey: "k" })]);
    const held = await before.grant();
    const waiting = await rig.createRun([command("b", { concurrencyKey: "k" })]);

    await rig.startPlane();
    const after = await rig.runner({ runnerId: before.runnerId });
    await after.reconcile([{ attemptId: held.attemptId, epoch: held.epoch, state: "live" }]);
    await rig.settle();
    expect(after.heard("offer")).toEqual([]);
    await after.finish(held);

    expect((await after.grant()).envelope.runId).toBe(waiting.id);
  });

  it("fires timers that fell due while nobody was there, and those that fall due later", async () => {
    await using rig = await Rig.open();
    const gate = (ms: number) => ({ name: "ask", tool: "gate:manual", inputs: { expiresInMs: ms } });
    const [early, late] = [await rig.createRun([gate(5_000)]), await rig.createRun([gate(60_000)])];
    await rig.plane.drain();
    rig.clock.advance(10_000);

    await rig.startPlane();
    await rig.pass(1);
    expect([await rig.states(early.id), await rig.states(late.id)]).toEqual(["failed: failed", "queued: waiting"]);
    await rig.pass(50_000, 50_000);

    expect(await rig.states(late.id)).toBe("failed: failed");
  });

  it("counts what is not over, and knows who was online", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    await runner.grant();
    await rig.createRun(["b"], { requires: { features: ["none"] } });

    await rig.startPlane();

    expect(rig.plane.stats()).toMatchObject({ runsActive: 2, stepsReady: 1, attemptsLive: 1, runnersOnline: 0 });
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId))).toMatchObject({
      status: "online",
      connected: false,
      activeAttempts: 1,
    });
    await rig.pass(60_000, 10_000);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("offline");
    expect((await rig.step(run.id, "a")).attempts[0]?.status).toBe("lost");
  });

  it("leaves every run in a final state wherever the one before was dropped", async () => {
    const STEPS = [
      command("a", { retry: { maxAttempts: 3, initialDelayMs: 500 } }),
      command("b", { needs: [] }),
      command("c", { needs: ["a", "b"] }),
    ];
    for (let dropAt = 0; dropAt < 12; dropAt++) {
      await using rig = await Rig.open();
      const { runnerId } = await rig.runner({ answer: "silence", slots: 0 });
      const run = await rig.createRun(STEPS);
      let told = 0;
      let runner = await rig.runner({ runnerId });
      const held = new Set<string>();
      // Each round does one thing; after `dropAt` things the control plane is gone and another one comes.
      for (
        let round = 0;
        round < 40 &&
        (await rig.details(run.id)).run.status !== "failed" &&
        (await rig.details(run.id)).run.status !== "succeeded";
        round++
      ) {
        if (round === dropAt) {
          await rig.startPlane();
          const grants = runner.grants.filter(({ attemptId }) => held.has(attemptId));
          runner = await rig.runner({ runnerId });
          await runner.reconcile(grants.map(({ attemptId, epoch }) => ({ attemptId, epoch, state: "live" as const })));
          for (const grant of grants) await runner.finish(grant);
          held.clear();
          told = 0;
        }
        await rig.pass(1_000);
        const grant = runner.grants[told];
        if (!grant) continue;
        if (held.delete(grant.attemptId)) {
          told += 1;
          await runner.finish(
            grant,
            grant.envelope.step === "a" && grant.epoch === 1 ? { outcome: "failed", reason: "tool_failure" } : {},
          );
        } else {
          held.add(grant.attemptId);
          await runner.start(grant);
        }
      }

      expect(await rig.states(run.id)).toBe("succeeded: succeeded succeeded succeeded");
      expect((await verifyStore(rig.store)).problems).toEqual([]);
    }
  });
});

describe("a control plane that drains", () => {
  it("offers nothing more, fires nothing more, and leaves the store open", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([{ name: "ask", tool: "gate:manual", inputs: { expiresInMs: 1_000 } }]);

    await rig.plane.drain();
    await rig.plane.drain();
    await rig.createRun(["a"]);
    await rig.pass(5_000);

    expect(runner.heard("offer")).toEqual([]);
    expect(await rig.states(run.id)).toBe("queued: waiting");
    expect(rig.plane.stats().writable).toBe(false);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});
