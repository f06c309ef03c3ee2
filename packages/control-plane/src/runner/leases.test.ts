import { encodeOutputFrame, type OutputAnswer } from "@signalbox/protocol";
import { StorageFullError } from "@signalbox/store";
import { describe, expect, it } from "vitest";
import { crc32 } from "node:zlib";

import { command, Rig } from "../../test/_support/rig.ts";

const LEASE_AND_GRACE = 35_000;

describe("a lease", () => {
  it("lasts for as long as it is renewed", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    for (let renewals = 0; renewals < 10; renewals++) {
      await rig.pass(20_000, 10_000);
      expect(await runner.renew(grant)).toEqual(["renewed"]);
    }

    expect((await rig.step(run.id, "work")).attempts).toMatchObject([{ status: "running" }]);
  });

  it("is lost after its time and the grace, and not a moment before", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    await runner.start(await runner.grant());

    await rig.pass(LEASE_AND_GRACE - 1, LEASE_AND_GRACE);
    expect(await rig.states(run.id)).toBe("running: running");
    await rig.pass(1);

    expect((await rig.step(run.id, "work")).attempts).toMatchObject([
      { status: "lost", reason: "runner_lost" },
      { epoch: 2 },
    ]);
    expect((await runner.grant(1)).epoch).toBe(2);
    expect(rig.plane.stats().counters["attempts_lost"]).toBe(1);
  });

  it("counts from its last renewal", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    await rig.pass(12_000, 12_000);
    await runner.renew(grant);

    await rig.pass(LEASE_AND_GRACE - 1, 5_000);
    expect(await rig.states(run.id)).toBe("running: running");
    await rig.pass(1);

    expect((await rig.step(run.id, "work")).attempts[0]?.status).toBe("lost");
  });

  it("is lost for each attempt by itself", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([command("a", { needs: [] }), command("b", { needs: [] })]);
    const [a, b] = [await runner.grant(0), await runner.grant(1)];
    await runner.start(a);
    await runner.start(b);

    for (let renewals = 0; renewals < 4; renewals++) {
      await rig.pass(10_000, 10_000);
      await runner.renew(b);
    }

    expect((await rig.step(run.id, a.envelope.step)).attempts[0]?.status).toBe("lost");
    expect((await rig.step(run.id, b.envelope.step)).attempts[0]?.status).toBe("running");
  });

  it("has the length that the installation sets", async () => {
    await using rig = await Rig.open({ limits: { "lease.ttlMs": 2_000, "lease.renewMs": 500, "lease.graceMs": 100 } });
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    await rig.pass(2_099, 2_099);
    expect(await rig.states(run.id)).toBe("running: running");
    await rig.pass(1);

    expect(grant.leaseMs).toBe(2_000);
    expect((await rig.step(run.id, "work")).attempts[0]?.status).toBe("lost");
  });

  it("whose loss the store could not record is lost as soon as it can", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    rig.failOnce("loseAttempt", new StorageFullError("no room"));

    await rig.pass(LEASE_AND_GRACE, LEASE_AND_GRACE);
    expect(await runner.renew(grant)).toEqual(["lost"]);
    expect((await rig.step(run.id, "work")).attempts).toHaveLength(1);
    await rig.pass(1_000);

    expect((await rig.step(run.id, "work")).attempts).toMatchObject([{ status: "lost" }, { epoch: 2 }]);
  });

  it.each([{ epoch: 2 }, { attemptId: "att_unknown.0.1" }])("is not renewed for %j", async (over) => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    await rig.createRun(["work"]);
    const grant = await runner.grant();

    expect(await runner.renew({ attemptId: grant.attemptId, epoch: grant.epoch, ...over }, grant)).toEqual([
      "lost",
      "renewed",
    ]);
  });

  // Red without the comparison of `runnerId` in `#renew`.
  it("is not renewed by another runner, and does not last longer for it", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    const thief = await rig.runner();
    await rig.pass(30_000, 30_000);

    expect(await thief.renew(grant)).toEqual(["lost"]);
    await rig.pass(5_000, 5_000);

    expect((await rig.step(run.id, "work")).attempts[0]?.status).toBe("lost");
  });
});

describe("an attempt that was lost", () => {
  async function lostAndTriedAgain(rig: Rig) {
    const late = await rig.runner({ slots: 1 });
    const run = await rig.createRun(["work"]);
    const old = await late.grant();
    await late.start(old);
    const heir = await rig.runner({ slots: 9 });
    late.connection.isDraining = true;
    await rig.pass(LEASE_AND_GRACE, 5_000);
    const grant = await heir.grant();
    await heir.start(grant);
    return { late, old, heir, grant, run };
  }

  // Each red when units do not compare the epoch and the holder (`loadHeldAttempt`), or do not look whether it has ended.
  it.each(["started", "progress", "finish", "renew"] as const)(
    "can be no more %s, and what runs instead is left alone",
    async (what) => {
      await using rig = await Rig.open();
      const { late, old, heir, grant, run } = await lostAndTriedAgain(rig);
      const before = await rig.events(run.id);

      if (what === "started") await late.start(old);
      if (what === "progress")
        await late.say({ type: "progress", attemptId: old.attemptId, epoch: old.epoch, percent: 99 });
      const said =
        what === "finish"
          ? (await late.finish(old)).verdict
          : what === "renew"
            ? (await late.renew(old))[0]
            : late.heard("fenced").at(-1)?.attemptId;

      expect(said).toBe({ started: old.attemptId, progress: old.attemptId, finish: "fenced", renew: "lost" }[what]);
      expect(await rig.events(run.id)).toEqual(before);
      expect(await heir.renew(grant)).toEqual(["renewed"]);
      await heir.finish(grant);
      expect(await rig.states(run.id)).toBe("succeeded: succeeded");
    },
  );

  it("can write no more output", async () => {
    await using rig = await Rig.open();
    const { late, old, run } = await lostAndTriedAgain(rig);
    const bytes = Buffer.from("late");
    const answers: OutputAnswer[] = [];

    const channel = rig.plane.link.openOutput(late.runnerId, (answer) => answers.push(answer));
    channel.take(
      encodeOutputFrame({
        attemptId: old.attemptId,
        epoch: old.epoch,
        stream: "stdout",
        offset: 0,
        length: 4,
        crc32: crc32(bytes),
        bytes,
      }),
    );
    await rig.settle();

    expect(answers).toEqual([{ type: "fenced", attemptId: old.attemptId, epoch: old.epoch }]);
    expect(await rig.store.all("SELECT 1 FROM output_segments WHERE run_id = ?", run.id)).toEqual([]);
  });

  it("can be claimed by no runner that it was never given to", async () => {
    await using rig = await Rig.open();
    const { grant, run } = await lostAndTriedAgain(rig);
    const thief = await rig.runner();
    const before = await rig.events(run.id);

    await thief.start(grant);
    const { verdict } = await thief.finish(grant);

    expect(thief.heard("fenced")).toHaveLength(1);
    expect(verdict).toBe("fenced");
    expect(await rig.events(run.id)).toEqual(before);
  });
});

describe("a wish to stop", () => {
  it.each(["cancel", "abort"] as const)("is sent at once as %s, and told again at each renewal", async (mode) => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    await rig.plane.runs.cancelRun(run.id, { mode });

    expect(runner.heard("cancel")).toMatchObject([{ attemptId: grant.attemptId, epoch: grant.epoch, mode }]);
    expect(await runner.renew(grant)).toEqual([mode]);
    expect(await runner.renew(grant)).toEqual([mode]);
    await runner.finish(grant, { outcome: "cancelled" });
    expect(await rig.states(run.id)).toBe("cancelled: cancelled");
  });

  it("becomes sharper, never softer", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();

    for (const mode of ["cancel", "abort", "cancel"] as const) await rig.plane.runs.cancelRun(run.id, { mode });

    expect(runner.heard("cancel").map(({ mode }) => mode)).toEqual(["cancel", "abort", "abort"]);
    expect(await runner.renew(grant)).toEqual(["abort"]);
  });

  it("ends the run also when its runner is never heard of again", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    await runner.start(await runner.grant());
    await rig.plane.runs.cancelRun(run.id);

    await rig.pass(LEASE_AND_GRACE, 5_000);

    expect(await rig.states(run.id)).toBe("cancelled: cancelled");
    expect(runner.grants).toHaveLength(1);
  });
});

describe("a runner that comes back", () => {
  it("keeps what it still has, and its lease begins anew", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await before.grant();
    await before.start(grant);
    await rig.pass(30_000, 30_000);

    const after = await rig.runner({ runnerId: before.runnerId });
    const verdicts = await after.reconcile([{ attemptId: grant.attemptId, epoch: grant.epoch, state: "live" }]);
    await rig.pass(30_000, 30_000);

    expect(verdicts).toEqual(["keep"]);
    expect(after.connection.held).toEqual(new Set([grant.attemptId]));
    expect(await rig.states(run.id)).toBe("running: running");
  });

  it("is told cancel of what somebody stopped meanwhile", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["work"]);
    const { attemptId, epoch } = await before.grant();
    rig.plane.stats();
    await rig.plane.runs.cancelRun(run.id, { mode: "abort" });

    const after = await rig.runner({ runnerId: before.runnerId });

    expect(await after.reconcile([{ attemptId, epoch, state: "live" }])).toEqual(["abort"]);
  });

  it("without what it had has interrupted it; the step is tried again at once", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["work"]);
    await before.start(await before.grant());

    const after = await rig.runner({ runnerId: before.runnerId });
    await after.reconcile([]);
    const grant = await after.grant();

    expect(grant.epoch).toBe(2);
    expect((await rig.step(run.id, "work")).attempts).toMatchObject([
      { status: "interrupted", reason: "interrupted" },
      { status: "leased" },
    ]);
  });

  it("is told what of the things that it names is nobody's, another's, and done", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const other = await rig.runner({ slots: 9 });
    const run = await rig.createRun([
      command("done", { requires: { runnerId: runner.runnerId } }),
      command("held", { requires: { runnerId: other.runnerId } }),
    ]);
    const done = await runner.grant();
    await runner.work(done);
    const held = await other.grant();

    const verdicts = await runner.reconcile([
      { attemptId: done.attemptId, epoch: done.epoch, state: "finished" },
      { attemptId: held.attemptId, epoch: held.epoch, state: "live" },
      { attemptId: done.attemptId, epoch: 9, state: "live" },
      { attemptId: "att_nobodys.0.1", epoch: 1, state: "live" },
    ]);

    expect(verdicts).toEqual(["keep", "fenced", "fenced", "unknown"]);
    expect(await rig.states(run.id)).toBe("running: succeeded ready");
  });

  // Red without the check of the connection in `RunnerSession.handle`.
  it("is heard on its newest connection only", async () => {
    await using rig = await Rig.open();
    const older = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await older.grant();
    const newer = await rig.runner({ runnerId: older.runnerId });
    await newer.reconcile([{ attemptId: grant.attemptId, epoch: grant.epoch, state: "live" }]);

    await older.start(grant);
    await older.say({ type: "renew", sentAt: 1, attempts: [grant] });

    expect(older.heard("renewed")).toEqual([]);
    expect(await rig.states(run.id)).toBe("queued: ready");
    await newer.start(grant);
    expect(await rig.states(run.id)).toBe("running: running");
  });
});
