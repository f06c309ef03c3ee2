import { describe, expect, it } from "vitest";

import { CALLER, Fleet, ORG, verdictOf } from "../../../test/_support/fleet.ts";

async function stateOf(fleet: Fleet, id = "rnr_1"): Promise<string | undefined> {
  return (await fleet.store.get<{ state: string }>("SELECT state FROM runners WHERE id = ?", id))?.state;
}

function change(fleet: Fleet, move: "drain" | "resume" | "retire", over: { orgId?: string } = {}) {
  return fleet.store.run("changeRunner", { runnerId: "rnr_1", move, now: fleet.now, actor: CALLER, ...over });
}

function beat(fleet: Fleet, runnerId = "rnr_1") {
  return fleet.store.run("beatRunners", {
    beats: [{ runnerId, at: fleet.now, load: "{}", runtimeVersions: null, capabilities: null }],
    now: fleet.now,
  });
}

describe("registerRunner", () => {
  it("takes a machine in as online", async () => {
    await using fleet = await Fleet.open();

    const row = await fleet.register("rnr_3");

    expect(row).toMatchObject({ state: "online", last_seq: 2, last_heartbeat_at: fleet.now });
    expect(await fleet.events("rnr_3")).toEqual(["runner.registered", "runner.online"]);
  });

  it.each([
    ["one below the limit", 3, "taken"],
    ["at the limit", 2, "RUNNER_LIMIT_EXCEEDED"],
  ])("with the org %s", async (_, maxRunners, verdict) => {
    await using fleet = await Fleet.open();

    const third = await verdictOf(fleet.register("rnr_3", { maxRunners }));

    expect(third).toBe(verdict);
  });

  it("counts neither those that left nor those of other orgs", async () => {
    await using fleet = await Fleet.open();
    await change(fleet, "retire");
    await fleet.register("rnr_b", { orgId: "org-b" });

    await fleet.register("rnr_3", { maxRunners: 2 });

    expect(await stateOf(fleet, "rnr_3")).toBe("online");
  });
});

describe("the life of a runner", () => {
  it.each([
    ["drain", "draining"],
    ["drain resume", "online"],
    ["drain silence", "offline_draining"],
    ["drain silence beat", "draining"],
    ["drain silence resume", "offline"],
    ["silence", "offline"],
    ["silence beat", "online"],
    ["silence drain", "offline_draining"],
    ["drain drain", "draining"],
    ["resume", "online"],
    ["silence silence", "offline"],
    ["drain retire", "retired"],
    ["retire retire", "retired"],
    ["retire silence", "retired"],
    ["retire beat", "retired"],
  ])("after %s it is %s", async (moves, state) => {
    await using fleet = await Fleet.open();

    for (const move of moves.split(" ")) {
      if (move === "silence") await fleet.store.run("silenceRunners", { runnerIds: ["rnr_1"], now: fleet.now });
      else if (move === "beat") await beat(fleet);
      else await change(fleet, move as "drain" | "resume" | "retire");
    }

    expect(await stateOf(fleet)).toBe(state);
  });

  it("has an event for each change and none for what is so already", async () => {
    await using fleet = await Fleet.open();

    await change(fleet, "drain");
    await change(fleet, "drain");
    await change(fleet, "retire");

    expect(await fleet.events("rnr_1", 2)).toEqual(["runner.draining", "runner.deregistered"]);
  });

  it.each(["drain", "resume"] as const)("refuses %s after it left", async (move) => {
    await using fleet = await Fleet.open();
    await change(fleet, "retire");

    await expect(change(fleet, move)).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("is not in the hands of another org", async () => {
    await using fleet = await Fleet.open();

    await expect(change(fleet, "drain", { orgId: "org-b" })).rejects.toMatchObject({ code: "RUNNER_NOT_FOUND" });
  });

  it("tells who came back, and keeps what a heartbeat says", async () => {
    await using fleet = await Fleet.open();
    await fleet.store.run("silenceRunners", { runnerIds: ["rnr_1"], now: fleet.now });
    fleet.now += 5;

    const back = await beat(fleet);
    const again = await beat(fleet);

    expect([back, again]).toEqual([["rnr_1"], []]);
    expect(await fleet.store.get("SELECT last_heartbeat_at, load FROM runners WHERE id = 'rnr_1'")).toEqual({
      last_heartbeat_at: fleet.now,
      load: "{}",
    });
  });
});

describe("enrolRunner", () => {
  async function enrol(fleet: Fleet, id: string) {
    const texts = { capabilities: "{}", metadata: "{}", runtimeVersions: "{}" };
    return fleet.store.run("enrolRunner", {
      id,
      hostname: id,
      ...texts,
      publicKey: "key",
      maxRunners: 10,
      tokenHash: "hash",
      now: fleet.now,
    });
  }

  async function withToken(): Promise<Fleet> {
    const fleet = await Fleet.open();
    await fleet.store.run("createEnrolmentToken", {
      hash: "hash",
      orgId: ORG,
      labels: '{"zone":"a"}',
      expiresAt: fleet.now + 1_000,
      now: fleet.now,
    });
    return fleet;
  }

  it("takes a machine into the token's org, under the token's labels", async () => {
    await using fleet = await withToken();

    expect(await enrol(fleet, "rnr_3")).toMatchObject({
      org_id: ORG,
      labels: '{"zone":"a"}',
      state: "online",
      public_key: "key",
    });
  });

  it("uses a token once", async () => {
    await using fleet = await withToken();
    await enrol(fleet, "rnr_3");

    await expect(enrol(fleet, "rnr_4")).rejects.toMatchObject({ code: "UNAUTHORIZED" });

    expect(await stateOf(fleet, "rnr_4")).toBeUndefined();
  });

  it("does not use a token up when the machine is refused", async () => {
    await using fleet = await withToken();
    await expect(enrol(fleet, "rnr_1")).rejects.toMatchObject({ code: "UNIQUE_VIOLATION" });

    expect((await enrol(fleet, "rnr_3")).id).toBe("rnr_3");
  });

  it("refuses a token whose time is over, and one that never was", async () => {
    await using fleet = await withToken();
    await using other = await Fleet.open();
    fleet.now += 1_000;

    await expect(enrol(fleet, "rnr_3")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await expect(enrol(other, "rnr_3")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });
});
