import { StorageFullError } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { command, dataOf, Rig } from "../../test/_support/rig.ts";

describe("an offer", () => {
  it("is made before anything is promised; the grant to start follows the lease", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ answer: "silence" });

    const run = await rig.createRun(["work"]);
    const [offer] = runner.heard("offer");

    expect(offer).toMatchObject({ runId: run.id, step: "work", tool: "command", expiresMs: 5_000 });
    expect((await rig.step(run.id, "work")).attempts).toEqual([]);

    await runner.say({ type: "accept", offerId: offer!.offerId, attemptId: offer!.attemptId });
    const grant = await runner.grant();

    const [attempt] = (await rig.step(run.id, "work")).attempts;
    expect(attempt).toMatchObject({
      id: grant.attemptId,
      epoch: grant.epoch,
      runnerId: runner.runnerId,
      status: "leased",
      envelopeHash: grant.envelopeHash,
    });
    expect(runner.messages.map(({ type }) => type)).toEqual(["offer", "start"]);
  });

  it("that is not answered goes to another runner after its time and burns no attempt", async () => {
    await using rig = await Rig.open();
    const silent = await rig.runner({ answer: "silence", slots: 9 });
    const other = await rig.runner();
    const run = await rig.createRun(["work"]);

    await rig.pass(4_999, 4_999);
    expect(other.heard("offer")).toHaveLength(0);
    await rig.pass(1);

    expect(silent.heard("withdraw").map(({ offerId }) => offerId)).toEqual(
      silent.heard("offer").map(({ offerId }) => offerId),
    );
    expect(await other.grant()).toMatchObject({ epoch: 1 });
    expect((await rig.step(run.id, "work")).attempts).toHaveLength(1);
  });

  // Red without `isDeaf` in `#expire`.
  it("that is not answered leaves the runner without work until it answers a probe", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ answer: "silence" });
    runner.answersProbes = false;
    await rig.createRun(["a"]);
    await rig.pass(5_000);
    runner.answer = "accept";

    await rig.createRun(["b"]);
    await runner.beat();
    await rig.settle();
    expect(runner.heard("offer")).toHaveLength(1);

    await runner.say({ type: "probe_ack", probeId: runner.heard("probe")[0]!.probeId });
    await rig.settle();
    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b"]);
  });

  it("that comes too late to be accepted is withdrawn", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ answer: "silence" });
    runner.answersProbes = false;
    const run = await rig.createRun(["work"]);
    const offer = runner.heard("offer")[0]!;
    await rig.pass(5_000);

    await runner.say({ type: "accept", offerId: offer.offerId, attemptId: offer.attemptId });
    await rig.settle();

    expect(runner.heard("withdraw")).toHaveLength(2);
    expect((await rig.step(run.id, "work")).attempts).toEqual([]);
  });

  it("cannot be accepted by a runner that it was not made to", async () => {
    await using rig = await Rig.open();
    const asked = await rig.runner({ answer: "silence", slots: 9 });
    const thief = await rig.runner();
    await rig.createRun(["work"]);
    const { offerId, attemptId } = asked.heard("offer")[0]!;

    await thief.say({ type: "accept", offerId, attemptId });
    await rig.settle();

    expect(thief.heard("withdraw")).toHaveLength(1);
    expect(thief.grants).toEqual([]);
  });

  it("that is declined goes to another runner, and comes again after a while", async () => {
    await using rig = await Rig.open();
    const picky = await rig.runner({ answer: "decline", slots: 9 });
    const run = await rig.createRun(["work"]);
    await rig.settle();
    expect(picky.heard("offer")).toHaveLength(1);

    picky.answer = "accept";
    await rig.pass(4_999, 4_999);
    expect(picky.heard("offer")).toHaveLength(1);
    await rig.pass(1);

    expect(picky.grants).toHaveLength(1);
    expect(await rig.states(run.id)).toBe("queued: ready");

    picky.answer = "decline";
    const other = await rig.runner();
    await rig.createRun(["next"]);
    expect((await other.grant()).envelope.step).toBe("next");
  });

  it("of a run that is cancelled is withdrawn, and its place and key are free at once", async () => {
    await using rig = await Rig.open();
    const [silent, other] = [
      await rig.runner({ answer: "silence", slots: 1, labels: { kind: "a" } }),
      await rig.runner({ labels: { kind: "b" } }),
    ];
    const run = await rig.createRun([command("a", { concurrencyKey: "k", requires: { labels: { kind: "a" } } })]);
    await rig.createRun([command("b", { concurrencyKey: "k", requires: { labels: { kind: "b" } } })]);
    expect(silent.heard("offer")).toHaveLength(1);

    await rig.plane.runs.cancelRun(run.id);

    expect(silent.heard("withdraw")).toHaveLength(1);
    expect((await other.grant()).envelope.step).toBe("b");
    await rig.pass(10_000);
    expect(silent.heard("offer")).toHaveLength(1);
    expect(rig.plane.stats().stepsReady).toBe(0);
  });

  it("of a step that was cancelled is not made", async () => {
    await using rig = await Rig.open();
    const busy = await rig.runner({ slots: 1 });
    const run = await rig.createRun([command("a", { needs: [] }), command("b", { needs: [] })]);
    const grant = await busy.grant();

    await rig.plane.runs.cancelRun(run.id);
    expect(rig.plane.stats().stepsReady).toBe(0);
    await busy.work(grant, { outcome: "cancelled" });
    await rig.settle();

    expect(busy.heard("offer")).toHaveLength(1);
    expect(await rig.states(run.id)).toBe("cancelled: cancelled cancelled");
  });

  it("made on a connection that a newer one replaced is made again at once", async () => {
    await using rig = await Rig.open();
    const older = await rig.runner({ answer: "silence" });
    await rig.createRun(["work"]);

    const newer = await rig.runner({ runnerId: older.runnerId });

    expect(older.closed).toEqual([4009]);
    expect((await newer.grant()).envelope.step).toBe("work");
  });
});

describe("a step", () => {
  it("waits where no runner is, and goes to the first that comes", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["work"]);
    await rig.settle();
    expect(await rig.states(run.id)).toBe("queued: ready");

    const runner = await rig.runner();

    expect((await runner.grant()).envelope.runId).toBe(run.id);
  });

  it("goes only to a runner of its org that has what it requires, by the runners that are there now", async () => {
    await using rig = await Rig.open();
    const stranger = await rig.runner({ orgId: "other", providers: ["codex"] });
    const plain = await rig.runner();
    const requires = { provider: "codex", features: ["gpu"], labels: { zone: "a" } };
    await rig.createRun([command("one", { requires })]);
    await rig.settle();

    const fitting = await rig.runner({
      providers: ["codex"],
      features: ["gpu", "net"],
      labels: { zone: "a", disk: "fast" },
    });
    const grant = await fitting.grant();
    await fitting.work(grant);
    await rig.createRun([command("two", { requires })]);
    await fitting.grant(1);
    const heir = await rig.runner({ runnerId: fitting.runnerId, providers: ["codex"] });
    await rig.createRun([command("three", { requires })]);
    await rig.settle();

    expect([...stranger.grants, ...plain.grants, ...heir.grants]).toEqual([]);
  });

  it("is offered to no more than a runner's slots, first come first served", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 2 });
    for (const name of ["a", "b", "c", "d"]) await rig.createRun([name]);
    await rig.settle();
    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b"]);

    await runner.work(runner.grants[1]!);
    await rig.settle();

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b", "c"]);
  });

  it("that requires something special does not starve behind those that require nothing", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 1, features: ["gpu"] });
    await rig.createRun(["a"]);
    await rig.createRun(["b"]);
    await rig.createRun([command("special", { requires: { features: ["gpu"] } })]);
    for (const name of ["c", "d"]) await rig.createRun([name]);

    for (let done = 0; done < 5; done++) await runner.work(await runner.grant(done));

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b", "special", "c", "d"]);
  });

  it("goes to the runner that has the run's workspace, even when it must wait for it", async () => {
    await using rig = await Rig.open();
    const keeper = await rig.runner({ slots: 2 });
    const run = await rig.createRun([command("a"), command("b")]);
    const first = await keeper.grant();
    await rig.createRun([command("other")]);
    const roomy = await rig.runner({ slots: 9 });
    await rig.createRun([command("third", { requires: { runnerId: keeper.runnerId } })]);

    await keeper.work(first);
    await rig.settle();
    expect(roomy.grants.map(({ envelope }) => envelope.runId)).not.toContain(run.id);

    await keeper.work(await keeper.grant(1));
    await rig.settle();
    expect(keeper.grants.map(({ envelope }) => envelope.step)).toContain("b");
  });

  it("goes to nobody who is draining, and to nobody whose drain the store alone knows", async () => {
    await using rig = await Rig.open();
    const [draining, forgetful] = [await rig.runner(), await rig.runner({ slots: 9 })];
    dataOf(await rig.plane.runners.drainRunner(draining.runnerId));
    dataOf(await rig.plane.runners.drainRunner(forgetful.runnerId));
    forgetful.connection.isDraining = false;

    const run = await rig.createRun(["work"]);
    await rig.settle();

    // Red without `requireAssignable` in the unit `leaseAttempt`.
    expect(forgetful.heard("offer")).toHaveLength(1);
    expect([...draining.grants, ...forgetful.grants]).toEqual([]);
    expect((await rig.step(run.id, "work")).attempts).toEqual([]);
  });

  it("is offered anew when the store could not take its lease", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    rig.failOnce("leaseAttempt", new StorageFullError("no room"));

    const run = await rig.createRun(["work"]);
    await rig.settle();
    expect(runner.heard("withdraw")).toHaveLength(1);
    await rig.pass(1_000);

    expect((await runner.grant()).envelope.runId).toBe(run.id);
    expect(runner.connection.held.size).toBe(1);
  });
});

describe("a concurrency key", () => {
  it("lets one step at a time run in a project, in the order in which they came", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 9 });
    for (const name of ["a", "b", "c"]) await rig.createRun([command(name, { concurrencyKey: "k" })]);
    await rig.createRun([command("elsewhere", { concurrencyKey: "k" })], { projectId: "other" });
    await rig.settle();
    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "elsewhere"]);

    await runner.work(runner.grants[0]!);
    await rig.settle();

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "elsewhere", "b"]);
  });

  it("is free again when its holder is lost", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 9 });
    await rig.createRun([command("a", { concurrencyKey: "k", retry: { maxLost: 0 } })]);
    await rig.createRun([command("b", { concurrencyKey: "k" })]);
    await rig.settle();
    expect(runner.grants).toHaveLength(1);

    await rig.pass(35_000, 5_000);

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b"]);
  });

  // Red when a key knows its step only: the end of the first attempt would free what the second holds.
  it("stays with a step that is tried again at once", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 9 });
    await rig.createRun([command("a", { concurrencyKey: "k", retry: { maxAttempts: 2, initialDelayMs: 0 } })]);
    await rig.createRun([command("b", { concurrencyKey: "k" })]);

    await runner.work(await runner.grant(), { outcome: "failed", reason: "tool_failure" });
    await rig.settle();

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "a"]);
  });

  it("is given up by a step that waits for another attempt", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 9 });
    await rig.createRun([command("a", { concurrencyKey: "k", retry: { maxAttempts: 2 } })]);
    await rig.createRun([command("b", { concurrencyKey: "k" })]);

    await runner.work(await runner.grant(), { outcome: "failed", reason: "tool_failure" });
    await rig.settle();

    expect(runner.grants.map(({ envelope }) => envelope.step)).toEqual(["a", "b"]);
  });

  it("that a refused lease gives up goes to a step that only another runner can take", async () => {
    await using rig = await Rig.open();
    const [one, two] = [
      await rig.runner({ answer: "silence", labels: { n: "1" } }),
      await rig.runner({ labels: { n: "2" } }),
    ];
    await rig.createRun([command("a", { concurrencyKey: "k", requires: { labels: { n: "1" } } })]);
    await rig.createRun([command("b", { concurrencyKey: "k", requires: { labels: { n: "2" } } })]);
    const { offerId, attemptId } = one.heard("offer")[0]!;
    rig.failOnce("leaseAttempt", new StorageFullError("no room"));

    await one.say({ type: "accept", offerId, attemptId });

    expect(one.grants).toEqual([]);
    expect((await two.grant()).envelope.step).toBe("b");
  });
});

describe("a lease", () => {
  // Red without the comparison of manifests in the unit `leaseAttempt`: the second step would start from the old files.
  it("is refused when the workspace moved on between offer and accept, and is tried anew with the new one", async () => {
    await using rig = await Rig.open();
    const quick = await rig.runner({ labels: { n: "1" } });
    const slow = await rig.runner({ answer: "silence", labels: { n: "2" } });
    await rig.createRun([
      command("a", { needs: [], requires: { labels: { n: "1" } } }),
      command("b", { needs: [], requires: { labels: { n: "2" } } }),
    ]);
    const { offerId, attemptId } = slow.heard("offer")[0]!;
    await quick.work(await quick.grant(), { changes: await rig.putChanges({ "made.txt": "hello" }) });

    await slow.say({ type: "accept", offerId, attemptId });
    slow.answer = "accept";
    await rig.pass(1_000);

    const grant = await slow.grant();
    expect(slow.heard("withdraw")).toHaveLength(1);
    expect(grant.envelope.baseManifest).not.toBeNull();
  });
});

describe("RunHandler.explainRun", () => {
  async function reasonOf(rig: Rig, runId: string): Promise<string> {
    return dataOf(await rig.plane.runs.explainRun(runId))
      .map(({ step, reason }) => `${step}: ${reason}`)
      .join(", ");
  }

  it("tells of missing runners, of what they lack, of full and of draining ones", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun([command("a", { requires: { features: ["gpu"] } })]);
    const other = await rig.runner({ orgId: "other", features: ["gpu"] });
    expect(await reasonOf(rig, run.id)).toBe("a: no_runner");

    await rig.runner();
    expect(await reasonOf(rig, run.id)).toBe("a: no_matching_runner");
    expect(dataOf(await rig.plane.runs.explainRun(run.id))[0]?.message).toContain("feature gpu");

    const full = await rig.runner({ slots: 0, features: ["gpu"] });
    expect(await reasonOf(rig, run.id)).toBe("a: runners_full");

    dataOf(await rig.plane.runners.drainRunner(full.runnerId));
    expect(await reasonOf(rig, run.id)).toBe("a: runner_draining");
    expect(other.messages).toEqual([]);
  });

  it("tells of needs, gates, keys and delays, and nothing of what runs or is over", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 1 });
    const holder = await rig.createRun([command("a", { concurrencyKey: "k", retry: { maxAttempts: 2 } })]);
    const run = await rig.createRun([
      command("keyed", { concurrencyKey: "k" }),
      command("after"),
      { name: "ask", tool: "gate:manual", needs: [] },
    ]);
    const grant = await runner.grant();
    await runner.start(grant);
    expect(await reasonOf(rig, holder.id)).toBe("");
    expect(await reasonOf(rig, run.id)).toBe("keyed: concurrency_key, after: needs, ask: gate");

    runner.answer = "silence";
    await runner.finish(grant, { outcome: "failed", reason: "tool_failure" });

    expect(await reasonOf(rig, holder.id)).toBe("a: delayed");
  });
});
