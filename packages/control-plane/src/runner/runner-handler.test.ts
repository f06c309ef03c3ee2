import { enrolmentPreimage, limit } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { StorageFullError } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { enrol, newKey, signed } from "../../test/_support/linked-runner.ts";
import { caller, dataOf, keyed, Rig } from "../../test/_support/rig.ts";
import type { RunnerHandler } from "./runner-handler.ts";

const MACHINE = { hostname: "machine", capabilities: {} };
const LOAD = { cpuPercent: 10, memoryPercent: 20, diskPercent: 30 };

/** Everything that a handler tells from now on: `runner_online rnr_1`. */
function told(runners: RunnerHandler): string[] {
  const events: string[] = [];
  for (const name of [
    "runner_registered",
    "runner_deregistered",
    "runner_online",
    "runner_offline",
    "runner_draining",
  ] as const) {
    runners.on(name, ({ runnerId }: { runnerId: string }) => events.push(`${name} ${runnerId}`));
  }
  return events;
}

async function streamOf(rig: Rig, runnerId: string): Promise<string[]> {
  return (await rig.store.all<{ type: string }>("SELECT type FROM events WHERE stream = ? ORDER BY seq", runnerId)).map(
    ({ type }) => type,
  );
}

describe("RunnerHandler.registerRunner", () => {
  it("takes a machine in, online, with what it says and the defaults for the rest", async () => {
    await using rig = await Rig.open();
    const events = told(rig.plane.runners);

    const runner = dataOf(
      await rig.plane.runners.registerRunner({
        ...MACHINE,
        capabilities: { providers: ["codex"] },
        labels: { zone: "a" },
        runtimeVersions: { node: "24" },
      }),
    );

    expect(runner).toMatchObject({
      id: runner.runnerId,
      status: "online",
      connected: false,
      activeAttempts: 0,
      labels: { zone: "a" },
      runtimeVersions: { node: "24" },
      capabilities: { providers: ["codex"], features: [], maxConcurrentSessions: 5 },
    });
    expect(events).toEqual([`runner_registered ${runner.id}`, `runner_online ${runner.id}`]);
    expect(await streamOf(rig, runner.id)).toEqual(["runner.registered", "runner.online"]);
  });

  it("with a key makes one runner, however often it is asked", async () => {
    await using rig = await Rig.open();
    const events = told(rig.plane.runners);

    const first = dataOf(await rig.plane.runners.registerRunner(MACHINE, keyed("k")));
    const again = dataOf(await rig.plane.runners.registerRunner(MACHINE, keyed("k")));

    expect(again.runnerId).toBe(first.runnerId);
    expect(events).toHaveLength(2);
  });

  it("takes as many as the limit says, not one more, and another when one has left", async () => {
    await using rig = await Rig.open({ runner: { maxRunnersPerOrg: 2, defaultCapacity: 3 } });
    const first = dataOf(await rig.plane.runners.registerRunner(MACHINE));
    await rig.plane.runners.registerRunner(MACHINE);

    const refused = await rig.plane.runners.registerRunner(MACHINE);
    const elsewhere = await rig.plane.runners.registerRunner(MACHINE, caller(["admin"], { orgId: "other" }));
    await rig.plane.runners.deregisterRunner(first.runnerId);
    const taken = await rig.plane.runners.registerRunner(MACHINE);

    expect(refused.error).toMatchObject({ code: "RUNNER_LIMIT_EXCEEDED", details: { limit: 2 } });
    expect([elsewhere.success, taken.success]).toEqual([true, true]);
    expect(first.capabilities.maxConcurrentSessions).toBe(3);
  });

  it.each([
    ["no hostname", { hostname: "", capabilities: {} }],
    ["no slots", { hostname: "h", capabilities: { maxConcurrentSessions: 0 } }],
    ["too many slots", { hostname: "h", capabilities: { maxConcurrentSessions: limit("runner.slotsMax") + 1 } }],
    ["an org that is none", { ...MACHINE, orgId: "../x" }],
  ])("refuses %s", async (_, request) => {
    await using rig = await Rig.open();

    expect((await rig.plane.runners.registerRunner(request)).error?.code).toBe("VALIDATION_ERROR");
  });

  it("for another org is for the local admin only", async () => {
    await using rig = await Rig.open();

    const token = await rig.plane.runners.registerRunner({ ...MACHINE, orgId: "other" }, caller(["admin"]));
    const local = await rig.plane.runners.registerRunner({ ...MACHINE, orgId: "other" });

    expect(token.error?.code).toBe("FORBIDDEN");
    expect(dataOf(local).orgId).toBe("other");
  });
});

describe("signs of life", () => {
  it("keep a runner online; silence makes it offline, and the next sign brings it back", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const events = told(rig.plane.runners);
    for (let beats = 0; beats < 6; beats++) {
      await rig.pass(10_000, 10_000);
      await runner.beat();
    }
    expect(events).toEqual([]);

    await rig.pass(29_000, 1_000);
    expect(events).toEqual([]);
    await rig.pass(11_000, 1_000);
    expect(events).toEqual([`runner_offline ${runner.runnerId}`]);
    await runner.beat();
    await rig.settle();

    expect(events).toEqual([`runner_offline ${runner.runnerId}`, `runner_online ${runner.runnerId}`]);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId))).toMatchObject({
      status: "online",
      load: { cpuPercent: 1, memoryPercent: 2, diskPercent: 3 },
    });
    expect((await streamOf(rig, runner.runnerId)).slice(-2)).toEqual(["runner.offline", "runner.online"]);
  });

  it("are missed after the time that the caller sets", async () => {
    await using rig = await Rig.open({ runner: { heartbeatTimeoutMs: 3_000 } });
    const runner = await rig.runner();

    await rig.pass(2_000);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("online");
    await rig.pass(3_000);

    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("offline");
  });

  it("do not end the work of a runner that is offline: its lease decides", async () => {
    await using rig = await Rig.open({ runner: { heartbeatTimeoutMs: 3_000 } });
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    await rig.pass(10_000);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("offline");
    await runner.finish(grant);

    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });

  it("can come through the handler, and refuse what is no load", async () => {
    await using rig = await Rig.open({ runner: { heartbeatTimeoutMs: 3_000 } });
    const { runnerId } = dataOf(await rig.plane.runners.registerRunner(MACHINE));
    await rig.pass(6_000);
    const beat = {
      runnerId,
      timestamp: new Date(rig.clock.now()).toISOString(),
      activeSessions: [],
      load: LOAD,
      runtimeVersions: { codex: "1.2.3" },
    };

    expect(dataOf(await rig.plane.runners.handleHeartbeat(beat))).toEqual({ runnerId, status: "online" });
    expect(dataOf(await rig.plane.runners.getRunner(runnerId))).toMatchObject({
      load: LOAD,
      runtimeVersions: { codex: "1.2.3" },
      lastHeartbeatAt: beat.timestamp,
    });
    expect((await rig.plane.runners.handleHeartbeat({ ...beat, load: { ...LOAD, cpuPercent: 101 } })).error?.code).toBe(
      "VALIDATION_ERROR",
    );
    expect((await rig.plane.runners.handleHeartbeat({ ...beat, runnerId: "rnr_x" })).error?.code).toBe(
      "RUNNER_NOT_FOUND",
    );
  });

  it("of a runner that has left are refused", async () => {
    await using rig = await Rig.open();
    const { runnerId } = dataOf(await rig.plane.runners.registerRunner(MACHINE));
    dataOf(await rig.plane.runners.deregisterRunner(runnerId));

    const { error } = await rig.plane.runners.handleHeartbeat({
      runnerId,
      timestamp: new Date(0).toISOString(),
      activeSessions: [],
      load: LOAD,
    });

    expect(error).toMatchObject({ code: "INVALID_STATE", details: { state: "retired" } });
  });

  it("that the store could not take are written the next time", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    rig.failOnce("beatRunners", new StorageFullError("no room"));
    await runner.beat();

    await rig.pass(10_000, 10_000);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).load).toBeUndefined();
    await rig.pass(10_000, 10_000);

    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).load).toBeDefined();
  });
});

describe("a probe", () => {
  // Red without `Probes`: heartbeats alone would keep a runner assignable that hears nothing.
  it("finds out a runner that beats and renews but does not listen; its next answer brings it back", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    runner.answersProbes = false;
    for (let minutes = 0; minutes < 2; minutes++) {
      await rig.pass(limit("probe.everyMs"), 10_000);
      await runner.beat();
    }

    await rig.createRun(["work"]);
    await rig.settle();
    expect(runner.heard("offer")).toEqual([]);
    await runner.say({ type: "probe_ack", probeId: runner.heard("probe").at(-1)!.probeId });

    expect((await runner.grant()).envelope.step).toBe("work");
  });

  it("that is answered changes nothing", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();

    await rig.pass(3 * limit("probe.everyMs"), 10_000);

    expect(runner.heard("probe")).toHaveLength(3);
    expect(runner.connection.isDeaf).toBe(false);
  });
});

describe("draining", () => {
  it("lets a runner finish what it has and gives it nothing new until it is resumed", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const events = told(rig.plane.runners);
    const run = await rig.createRun(["a", "b"]);
    const grant = await runner.grant();

    expect(dataOf(await rig.plane.runners.drainRunner(runner.runnerId)).status).toBe("draining");
    await runner.work(grant);
    await rig.settle();
    expect(runner.heard("draining")).toHaveLength(1);
    expect(await rig.states(run.id)).toBe("running: succeeded ready");
    expect(dataOf(await rig.plane.runners.resumeRunner(runner.runnerId)).status).toBe("online");

    expect((await runner.grant(1)).envelope.step).toBe("b");
    expect(events).toEqual([`runner_draining ${runner.runnerId}`]);
  });

  it("twice is fine, and holds while the runner is offline", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    dataOf(await rig.plane.runners.drainRunner(runner.runnerId));
    dataOf(await rig.plane.runners.drainRunner(runner.runnerId));

    await rig.pass(40_000, 10_000);
    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("offline_draining");
    await runner.beat();
    await rig.settle();

    expect(dataOf(await rig.plane.runners.getRunner(runner.runnerId)).status).toBe("draining");
  });

  it("at the runner's own wish gives it no more work on this connection", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();

    await runner.say({ type: "drain", comesBack: true });
    await rig.createRun(["work"]);
    await rig.settle();

    expect(runner.heard("offer")).toEqual([]);
  });
});

describe("RunnerHandler.deregisterRunner", () => {
  it("takes a runner out for good: its work goes elsewhere, its connection closes", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 9 });
    const run = await rig.createRun(["work"]);
    await runner.start(await runner.grant());
    const other = await rig.runner();
    const events = told(rig.plane.runners);

    const left = dataOf(await rig.plane.runners.deregisterRunner(runner.runnerId, "sold"));

    expect(left).toMatchObject({ status: "retired", retiredAt: expect.any(String) });
    expect(runner.heard("retired")).toMatchObject([{ reason: "sold" }]);
    expect(runner.closed).toEqual([4010]);
    expect((await other.grant()).epoch).toBe(2);
    expect(runner.heard("offer")).toHaveLength(1);
    expect((await rig.step(run.id, "work")).attempts[0]).toMatchObject({ status: "lost", reason: "runner_lost" });
    expect(events).toEqual([`runner_deregistered ${runner.runnerId}`]);
    expect(dataOf(await rig.plane.runners.listRunners()).items.map(({ id }) => id)).toEqual([other.runnerId]);
  });

  it.each(["drainRunner", "resumeRunner"] as const)("leaves no way to %s", async (method) => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    dataOf(await rig.plane.runners.deregisterRunner(runner.runnerId));

    expect((await rig.plane.runners[method](runner.runnerId)).error?.code).toBe("INVALID_STATE");
    expect((await rig.plane.runners.deregisterRunner(runner.runnerId)).success).toBe(true);
  });
});

describe("RunnerHandler.listRunners", () => {
  it("gives pages, oldest first", async () => {
    await using rig = await Rig.open();
    const made: string[] = [];
    for (let count = 0; count < 5; count++) {
      made.push(dataOf(await rig.plane.runners.registerRunner(MACHINE)).id);
      rig.clock.advance(1);
    }

    const second = dataOf(await rig.plane.runners.listRunners({ page: 2, pageSize: 2 }));

    expect(second).toMatchObject({ total: 5, page: 2, pageSize: 2, hasMore: true });
    expect(second.items.map(({ id }) => id)).toEqual(made.slice(2, 4));
    expect((await rig.plane.runners.listRunners({ pageSize: limit("page.size") + 1 })).error?.code).toBe(
      "VALIDATION_ERROR",
    );
  });
});

describe("enrolment", () => {
  it("admits one machine for one token", async () => {
    await using rig = await Rig.open();
    const { token } = dataOf(await rig.plane.runners.createEnrolmentToken({ labels: { zone: "a" } }));
    const request = () => {
      const { publicKey, privateKey } = newKey();
      return {
        ...MACHINE,
        labels: { zone: "claimed" },
        token,
        publicKey,
        proof: signed(enrolmentPreimage(token, publicKey), privateKey),
      };
    };

    // Red without `used_at` in the unit `enrolRunner`.
    const answers = await Promise.all(Array.from({ length: 10 }, () => rig.plane.runners.enrolRunner(request())));

    const admitted = answers.filter(({ success }) => success);
    expect(admitted).toHaveLength(1);
    expect(answers.filter(({ error }) => error?.code === "UNAUTHORIZED")).toHaveLength(9);
    expect(dataOf(await rig.plane.runners.getRunner(admitted[0]!.data.runnerId)).labels).toEqual({ zone: "a" });
  });

  it("is over when the token's time is", async () => {
    await using rig = await Rig.open();
    const { token, expiresAt } = dataOf(await rig.plane.runners.createEnrolmentToken({ ttlMs: 60_000 }));
    const { publicKey, privateKey } = newKey();
    const enrolNow = () =>
      rig.plane.runners.enrolRunner({
        ...MACHINE,
        token,
        publicKey,
        proof: signed(enrolmentPreimage(token, publicKey), privateKey),
      });
    expect(Date.parse(expiresAt)).toBe(rig.clock.now() + 60_000);

    rig.clock.advance(60_000);

    expect((await enrolNow()).error?.code).toBe("UNAUTHORIZED");
  });

  it("refuses a proof by another key, of another token, and none, and leaves the token for its owner", async () => {
    await using rig = await Rig.open();
    const { token } = dataOf(await rig.plane.runners.createEnrolmentToken());
    const { publicKey, privateKey } = newKey();
    const proofs = [
      signed(enrolmentPreimage(token, publicKey), newKey().privateKey),
      signed(enrolmentPreimage("sbe_other_token_of_somebody", publicKey), privateKey),
      "A".repeat(88),
    ];

    for (const proof of proofs)
      expect((await rig.plane.runners.enrolRunner({ ...MACHINE, token, publicKey, proof })).error?.code).toBe(
        "UNAUTHORIZED",
      );
    const unknown = "sbe_unknown_unknown_unknown";
    const stranger = await rig.plane.runners.enrolRunner({
      ...MACHINE,
      token: unknown,
      publicKey,
      proof: signed(enrolmentPreimage(unknown, publicKey), privateKey),
    });

    expect(stranger.error?.code).toBe("UNAUTHORIZED");
    expect(
      (
        await rig.plane.runners.enrolRunner({
          ...MACHINE,
          token,
          publicKey,
          proof: signed(enrolmentPreimage(token, publicKey), privateKey),
        })
      ).success,
    ).toBe(true);
  });

  it("belongs to the org of the token, and counts against its limit", async () => {
    await using rig = await Rig.open({ runner: { maxRunnersPerOrg: 1 } });
    const context = caller(["runners:write"], { orgId: "other" });
    const { runnerId } = await enrol(rig, {}, context);
    const { token } = dataOf(await rig.plane.runners.createEnrolmentToken({}, context));
    const { publicKey, privateKey } = newKey();

    const { error } = await rig.plane.runners.enrolRunner({
      ...MACHINE,
      token,
      publicKey,
      proof: signed(enrolmentPreimage(token, publicKey), privateKey),
    });

    expect(error?.code).toBe("RUNNER_LIMIT_EXCEEDED");
    expect((await rig.plane.runners.getRunner(runnerId)).error?.code).toBe("RUNNER_NOT_FOUND");
    expect(
      dataOf(await rig.plane.runners.getRunner(runnerId, caller(["runners:read"], { orgId: "other" }))).orgId,
    ).toBe("other");
  });

  it("has a token of an hour at most, of which the store knows the hash", async () => {
    await using rig = await Rig.open();

    const { token } = dataOf(await rig.plane.runners.createEnrolmentToken({ ttlMs: limit("enrolment.ttlMs") }));

    expect((await rig.plane.runners.createEnrolmentToken({ ttlMs: limit("enrolment.ttlMs") + 1 })).error?.code).toBe(
      "VALIDATION_ERROR",
    );
    expect(await rig.store.all("SELECT hash FROM enrolment_tokens")).toEqual([{ hash: sha256Hex(token) }]);
  });
});
