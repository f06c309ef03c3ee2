import { describe, expect, it } from "vitest";

import { Fleet, gate, ORG } from "../../test/_support/fleet.ts";

function subscribe(fleet: Fleet, name: string, types: readonly string[], orgId: string | null = ORG) {
  return fleet.store.run("subscribeOutbox", { name, orgId, types });
}

function claim(fleet: Fleet, holdMs = 1_000, count = 10) {
  return fleet.store.run("claimOutbox", { now: fleet.now, holdUntil: fleet.now + holdMs, count });
}

describe("the outbox", () => {
  it("holds an event for each subscription that wants its type, under the event's number", async () => {
    await using fleet = await Fleet.open();
    await subscribe(fleet, "a", ["run.succeeded", "gate.pending"]);
    await subscribe(fleet, "b", ["run.failed"]);
    await subscribe(fleet, "all orgs", ["run.succeeded"], null);
    await subscribe(fleet, "other org", ["run.succeeded"], "org-b");

    const { runId } = await fleet.createRun([gate("ask")]);
    await fleet.resolve(`gate_${runId.slice(4)}.0`, "approve");

    const items = await claim(fleet);
    expect(items.map(({ subscription, seq, type, tries }) => [subscription, seq, type, tries])).toEqual([
      ["a", 2, "gate.pending", 0],
      ["a", 6, "run.succeeded", 0],
      ["all orgs", 6, "run.succeeded", 0],
    ]);
  });

  it("takes nothing from before the subscription, and follows a change of it", async () => {
    await using fleet = await Fleet.open();
    const one = await fleet.createRun(["work"]);
    await fleet.attempt(one.runId, 0);
    await subscribe(fleet, "a", ["run.failed"]);
    await subscribe(fleet, "a", ["run.cancelled"]);

    const two = await fleet.createRun(["work"]);
    await fleet.cancel(two.runId);

    expect((await claim(fleet)).map(({ stream, type }) => [stream, type])).toEqual([[two.runId, "run.cancelled"]]);
  });

  it("gives each item to one claim until its hold is over, and counts the tries", async () => {
    await using fleet = await Fleet.open();
    await subscribe(fleet, "a", ["run.cancelled"]);
    const { runId } = await fleet.createRun(["work"]);
    await fleet.cancel(runId);

    const counts = [];
    for (const wait of [0, 999, 1]) {
      fleet.now += wait;
      counts.push((await claim(fleet)).map(({ tries }) => tries));
    }

    expect(counts).toEqual([[0], [], [1]]);
  });

  it("forgets what was delivered", async () => {
    await using fleet = await Fleet.open();
    await subscribe(fleet, "a", ["run.cancelled"]);
    const { runId } = await fleet.createRun(["work"]);
    await fleet.cancel(runId);

    await fleet.store.run("settleOutbox", { items: await claim(fleet) });
    fleet.now += 5_000;

    expect(await claim(fleet)).toEqual([]);
  });

  it("is claimed a few at a time, the oldest first", async () => {
    await using fleet = await Fleet.open();
    await subscribe(fleet, "a", ["run.cancelled"]);
    const ids = [];
    for (let n = 0; n < 3; n++) {
      const { runId } = await fleet.createRun(["work"]);
      ids.push(runId);
      await fleet.cancel(runId);
      fleet.now += 1;
    }

    expect((await claim(fleet, 1_000, 2)).map(({ stream }) => stream)).toEqual(ids.slice(0, 2));
  });
});
