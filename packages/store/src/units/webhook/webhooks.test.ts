import {
  readDeliveries,
  readDelivery,
  readDueWebhooks,
  readWebhook,
  readWebhookBacklog,
  verifyStore,
  type ClaimedDelivery,
} from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, gate, ORG, verdictOf } from "../../../test/_support/fleet.ts";

async function withWebhook(events?: readonly string[]): Promise<Fleet> {
  const fleet = await Fleet.open();
  await fleet.createWebhook("whk_1", events);
  return fleet;
}

/** A run that is cancelled at once: `run.created`, `run.cancelled` and what lies between. */
async function cancelledRun(fleet: Fleet): Promise<string> {
  const { runId } = await fleet.createRun(["work"]);
  await fleet.cancel(runId);
  return runId;
}

async function deliveries(fleet: Fleet, webhookId = "whk_1") {
  const rows = await fleet.store.view(() => readDeliveries({ webhookId, limit: 100 }));
  return rows.toReversed();
}

function accept(fleet: Fleet, { row }: ClaimedDelivery) {
  const verdict = { kind: "accepted", status: 200 } as const;
  return fleet.store.run("recordTry", { deliveryId: row.id, attempt: row.attempts, verdict, now: fleet.now });
}

function fail(fleet: Fleet, { row }: ClaimedDelivery, inMs: number) {
  const verdict = { kind: "retry", status: 500, error: "status", dueAt: fleet.now + inMs } as const;
  return fleet.store.run("recordTry", { deliveryId: row.id, attempt: row.attempts, verdict, now: fleet.now });
}

function giveUp(fleet: Fleet, { row }: ClaimedDelivery, disable?: string) {
  const verdict = { kind: "given_up", status: 410, error: "status", ...(disable ? { disable } : {}) } as const;
  return fleet.store.run("recordTry", { deliveryId: row.id, attempt: row.attempts, verdict, now: fleet.now });
}

async function problems(fleet: Fleet) {
  return (await verifyStore(fleet.store, { now: fleet.now })).problems;
}

const types = (rows: readonly { event_type: string }[]) => rows.map(({ event_type }) => event_type);
const claimedTypes = (claimed: readonly ClaimedDelivery[]) => types(claimed.map(({ row }) => row));

describe("planning", () => {
  it("gives each event to each webhook of its org that asks for its type, its family or all", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await fleet.createWebhook("whk_2", ["run.*", "run.cancelled"]);
    await fleet.createWebhook("whk_3", ["gate.*"]);
    await fleet.createWebhook("whk_4", ["*"], { orgId: "org-b" });

    const runId = await cancelledRun(fleet);

    expect(types(await deliveries(fleet))).toEqual(["run.cancelled"]);
    expect(types(await deliveries(fleet, "whk_2"))).toEqual(["run.created", "run.cancel_requested", "run.cancelled"]);
    expect(await deliveries(fleet, "whk_3")).toEqual([]);
    expect(await deliveries(fleet, "whk_4")).toEqual([]);
    expect(await deliveries(fleet)).toMatchObject([{ run_id: runId, stream: runId, state: "pending", attempts: 0 }]);
  });

  it("takes nothing from before the webhook was made, while it is off, and after it was deleted", async () => {
    await using fleet = await Fleet.open();
    await cancelledRun(fleet);
    await fleet.createWebhook("whk_1", ["run.cancelled"]);
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: false });
    await cancelledRun(fleet);
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: true });
    const runId = await cancelledRun(fleet);
    await fleet.store.run("deleteWebhook", fleet.webhook("whk_1"));
    await cancelledRun(fleet);

    expect((await deliveries(fleet)).map(({ stream }) => stream)).toEqual([runId]);
    expect(await problems(fleet)).toEqual([]);
  });

  // Red when deliveries are planned after the commit: an event without its delivery would be lost by a crash between.
  it("is one commit with the event: what is refused leaves no delivery behind", async () => {
    await using fleet = await withWebhook();
    const args = fleet.runArgs(["work"], { id: "run_twice" });
    await fleet.store.run("createRun", args);
    const before = await deliveries(fleet);

    expect(await verdictOf(fleet.store.run("createRun", args))).not.toBe("taken");
    expect(await deliveries(fleet)).toEqual(before);
  });

  it("puts what is about one run, and its sessions, into one lane", async () => {
    await using fleet = await withWebhook();
    const { runId } = await fleet.createRun([{ name: "s", tool: "agent:codex", inputs: { task: "Do it" } }]);
    await fleet.lease(runId, 0);

    const rows = await deliveries(fleet);

    expect(new Set(rows.map(({ lane }) => lane))).toEqual(new Set([runId]));
    expect(new Set(rows.map(({ stream }) => stream))).toEqual(new Set([runId, `ses_${runId.slice(4)}.0`]));
    expect(await problems(fleet)).toEqual([]);
  });
});

describe("claiming", () => {
  it("takes the first of each lane, and the next when that is over", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    const one = await cancelledRun(fleet);
    const two = await cancelledRun(fleet);

    const first = await fleet.claim("whk_1");
    const none = await fleet.claim("whk_1");
    await accept(fleet, first[0]!);
    const next = await fleet.claim("whk_1");

    expect(first.map(({ row }) => [row.stream, row.event_type])).toEqual([
      [one, "run.created"],
      [two, "run.created"],
    ]);
    expect(none).toEqual([]);
    expect(next.map(({ row }) => [row.stream, row.event_type])).toEqual([[one, "run.cancelled"]]);
    expect(JSON.parse(next[0]!.event!.data)).toMatchObject({ goal: "a goal" });
  });

  it("gives a try that was not recorded to somebody else when its lease is over, under the same id", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await cancelledRun(fleet);

    const [lost] = await fleet.claim("whk_1");
    fleet.now += 999;
    const early = await fleet.claim("whk_1");
    fleet.now += 1;
    const [again] = await fleet.claim("whk_1");

    expect(early).toEqual([]);
    expect([again!.row.id, again!.row.attempts]).toEqual([lost!.row.id, 2]);
  });

  // Red without the comparison of attempts: a try that hung would overwrite what the next one came to.
  it("takes no word from a try whose lease is over", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await cancelledRun(fleet);
    const [late] = await fleet.claim("whk_1");
    fleet.now += 1_000;
    const [again] = await fleet.claim("whk_1");

    expect(await fail(fleet, late!, 5_000)).toBe(false);
    expect(await accept(fleet, again!)).toBe(true);
    expect(await accept(fleet, again!)).toBe(false);
    expect(await deliveries(fleet)).toMatchObject([{ state: "delivered", attempts: 2, last_status: 200 }]);
  });

  it("tries a failed one again at its time, and lets nothing of its lane pass it", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);
    const [first] = await fleet.claim("whk_1");
    await fail(fleet, first!, 5_000);

    fleet.now += 4_999;
    const early = await fleet.claim("whk_1");
    fleet.now += 1;
    const due = await fleet.claim("whk_1");

    expect([early, claimedTypes(due)]).toEqual([[], ["run.created"]]);
  });

  it("lets the next of a lane begin when one is given up", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);

    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!);

    expect(claimedTypes(await fleet.claim("whk_1"))).toEqual(["run.cancelled"]);
  });

  it("does not count a claim that was given back", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await cancelledRun(fleet);
    const [{ row }] = (await fleet.claim("whk_1")) as [ClaimedDelivery];

    await fleet.store.run("postponeDelivery", { deliveryId: row.id, attempt: row.attempts, dueAt: fleet.now + 10 });
    fleet.now += 10;

    expect((await fleet.claim("whk_1")).map(({ row: { attempts } }) => attempts)).toEqual([1]);
  });

  it("ends a delivery whose event is no longer kept", async () => {
    await using fleet = await withWebhook(["session.created", "run.cancelled"]);
    const { runId } = await fleet.createRun([{ name: "s", tool: "agent:codex", inputs: { task: "Do it" } }]);
    await fleet.cancel(runId);
    fleet.now += 100_000_000;
    const timer = (await fleet.timers()).find(({ id }) => id.startsWith("session.forget"));
    await fleet.fire(timer!.id);

    const claimed = [...(await fleet.claim("whk_1")), ...(await fleet.claim("whk_1"))];

    expect(claimedTypes(claimed)).toEqual(["run.cancelled"]);
    expect((await deliveries(fleet))[0]).toMatchObject({ state: "failed", last_error: "expired" });
  });
});

describe("a webhook", () => {
  it("stands still while it is off and goes on where it was", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);
    const [held] = await fleet.claim("whk_1");
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: false });
    await fail(fleet, held!, 0);
    fleet.now += 5_000;

    const off = await fleet.claim("whk_1");
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: true });
    const on = await fleet.claim("whk_1");

    expect([off, claimedTypes(on)]).toEqual([[], ["run.created"]]);
    expect(await fleet.events("whk_1")).toEqual(["webhook.created", "webhook.disabled", "webhook.enabled"]);
    expect(await problems(fleet)).toEqual([]);
  });

  it("is switched off by a receiver that is gone for good, and says why", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);

    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!, "the receiver answered 410 Gone");

    expect(await fleet.store.view(() => readWebhook("whk_1", ORG))).toMatchObject({
      state: "disabled",
      disabled_reason: "the receiver answered 410 Gone",
    });
    expect((await deliveries(fleet)).map(({ state, due_at }) => [state, due_at])).toEqual([
      ["failed", null],
      ["pending", null],
    ]);
    expect(await fleet.store.view(readDueWebhooks)).toEqual([]);
    expect(await problems(fleet)).toEqual([]);
  });

  it("notes what changes, and nothing when nothing does", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    const change = { url: "https://other.example/", events: ["gate.*"] };

    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), ...change });
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), ...change, active: true });
    await fleet.createRun([gate("ask")]);

    expect(await fleet.events("whk_1")).toEqual(["webhook.created", "webhook.changed"]);
    expect(types(await deliveries(fleet))).toEqual(["gate.pending"]);
  });

  it("keeps the secret before for as long as a rotation says", async () => {
    await using fleet = await withWebhook();
    const next = { secret: new Uint8Array([2]), secretVersion: 2 };

    await fleet.store.run("rotateWebhookSecret", { ...fleet.webhook("whk_1"), ...next, previousUntil: 5 });
    const both = await fleet.store.view(() => readWebhook("whk_1", ORG));
    await fleet.store.run("rotateWebhookSecret", { ...fleet.webhook("whk_1"), ...next, previousUntil: null });
    const one = await fleet.store.view(() => readWebhook("whk_1", ORG));

    expect(both).toMatchObject({ secret_version: 2, previous_version: 1, previous_until: 5 });
    expect([both!.secret[0], both!.previous_secret![0]]).toEqual([2, 1]);
    expect(one).toMatchObject({ previous_secret: null, previous_version: null, previous_until: null });
  });

  it("leaves nothing of its secrets behind when it is deleted, and its deliveries by and by", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);

    await fleet.store.run("deleteWebhook", fleet.webhook("whk_1"));
    await fleet.store.run("tidyDeliveries", { giveUpBefore: 0, forgetBefore: 0, count: 10, now: fleet.now });

    const row = await fleet.store.get<{ secret: Uint8Array; state: string }>("SELECT * FROM webhooks");
    expect([row!.state, row!.secret.length]).toEqual(["deleted", 0]);
    expect(await deliveries(fleet)).toEqual([]);
    expect(await verdictOf(fleet.store.run("deleteWebhook", fleet.webhook("whk_1")))).toBe("WEBHOOK_NOT_FOUND");
    expect(await problems(fleet)).toEqual([]);
  });

  it.each([
    ["one below the limit", 2, "taken"],
    ["at the limit", 1, "WEBHOOK_LIMIT_EXCEEDED"],
  ])("is made with the org %s", async (_, maxWebhooks, verdict) => {
    await using fleet = await withWebhook();

    expect(await verdictOf(fleet.createWebhook("whk_2", ["*"], { maxWebhooks }))).toBe(verdict);
  });

  it("is as absent for another org as one that never was", async () => {
    await using fleet = await withWebhook();
    const args = { ...fleet.webhook("whk_1"), orgId: "org-b" };
    const next = { secret: new Uint8Array([2]), secretVersion: 2, previousUntil: null };

    const verdicts = await Promise.all(
      [
        fleet.store.run("updateWebhook", { ...args, active: false }),
        fleet.store.run("deleteWebhook", args),
        fleet.store.run("rotateWebhookSecret", { ...args, ...next }),
        fleet.store.run("testWebhook", { ...args, deliveryId: "whd_test" }),
        fleet.store.run("redeliver", { ...args, deliveryId: "whd_test" }),
      ].map(verdictOf),
    );

    expect(new Set(verdicts)).toEqual(new Set(["WEBHOOK_NOT_FOUND"]));
  });
});

describe("testing and sending again", () => {
  it("plans a test that waits behind nothing", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);
    await fleet.claim("whk_1");

    await fleet.store.run("testWebhook", { ...fleet.webhook("whk_1"), deliveryId: "whd_test" });

    expect(claimedTypes(await fleet.claim("whk_1"))).toEqual(["webhook.test"]);
  });

  it("sends what is over once more, under the same id and with all its tries", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await cancelledRun(fleet);
    const [first] = await fleet.claim("whk_1");
    await giveUp(fleet, first!);

    await fleet.store.run("redeliver", { ...fleet.webhook("whk_1"), deliveryId: first!.row.id });
    const [again] = await fleet.claim("whk_1");

    expect([again!.row.id, again!.row.attempts]).toEqual([first!.row.id, 1]);
  });

  it("sends all again that was given up, oldest first, and no test", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await cancelledRun(fleet);
    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!);
    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!);
    await fleet.store.run("testWebhook", { ...fleet.webhook("whk_1"), deliveryId: "whd_test" });
    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!);
    fleet.now += 1_000;
    const later = fleet.now;
    await cancelledRun(fleet);
    await giveUp(fleet, (await fleet.claim("whk_1"))[0]!);
    const again = (over: object) =>
      fleet.store.run("redeliverFailed", { ...fleet.webhook("whk_1"), since: 0, count: 10, ...over });

    const two = await again({ since: later });
    const one = await again({ count: 1 });
    const rest = await again({});
    const none = await again({});

    expect([two, one, rest, none].map(({ redelivered, remaining }) => [redelivered, remaining])).toEqual([
      [1, false],
      [1, true],
      [1, false],
      [0, false],
    ]);
    expect(claimedTypes(await fleet.claim("whk_1")).toSorted()).toEqual([
      "run.cancelled",
      "run.created",
      "run.created",
    ]);
    expect(await fleet.store.view(() => readDelivery("whd_test", "whk_1"))).toMatchObject({ state: "failed" });
    expect(await problems(fleet)).toEqual([]);
  });

  it("refuses what is on its way, what is not there, and a webhook that is off", async () => {
    await using fleet = await withWebhook(["run.cancelled"]);
    await fleet.createWebhook("whk_2", ["run.cancelled"]);
    await cancelledRun(fleet);
    const [{ row }] = (await fleet.claim("whk_1")) as [ClaimedDelivery];
    const again = (webhookId: string, deliveryId: string) =>
      verdictOf(fleet.store.run("redeliver", { ...fleet.webhook(webhookId), deliveryId }));

    const verdicts = [await again("whk_1", row.id), await again("whk_1", "whd_none"), await again("whk_2", row.id)];
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: false });
    verdicts.push(await again("whk_1", row.id));

    expect(verdicts).toEqual(["INVALID_STATE", "DELIVERY_NOT_FOUND", "DELIVERY_NOT_FOUND", "INVALID_STATE"]);
  });
});

describe("readWebhookBacklog", () => {
  it("tells what waits, what stands still, and since when the oldest does that waits", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    await fleet.createWebhook("whk_2", ["run.cancelled"]);
    await fleet.createWebhook("whk_3", ["*"]);
    const begin = fleet.now;
    await cancelledRun(fleet);
    fleet.now += 1_000;
    await cancelledRun(fleet);
    await accept(fleet, (await fleet.claim("whk_1", 1))[0]!);
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_2"), active: false });
    await fleet.store.run("deleteWebhook", fleet.webhook("whk_3"));
    const backlog = () => fleet.store.view(readWebhookBacklog);

    const both = await backlog();
    await fleet.store.run("updateWebhook", { ...fleet.webhook("whk_1"), active: false });
    const none = await backlog();

    expect(both).toEqual({ active: 1, disabled: 1, waiting: 3, held: 2, oldestSince: begin });
    expect(none).toEqual({ active: 0, disabled: 2, waiting: 0, held: 5, oldestSince: null });
  });
});

describe("tidyDeliveries", () => {
  it("keeps no secret that signs no longer", async () => {
    await using fleet = await withWebhook();
    const next = { secret: new Uint8Array([2]), secretVersion: 2, previousUntil: fleet.now + 10 };
    await fleet.store.run("rotateWebhookSecret", { ...fleet.webhook("whk_1"), ...next });
    const tidied = async () => {
      await fleet.store.run("tidyDeliveries", { giveUpBefore: 0, forgetBefore: 0, count: 10, now: fleet.now });
      return (await fleet.store.view(() => readWebhook("whk_1", ORG)))?.previous_secret?.length;
    };

    const before = await tidied();
    fleet.now += 10;
    const after = await tidied();

    expect([before, after]).toEqual([1, undefined]);
    expect(await problems(fleet)).toEqual([]);
  });

  it("gives up what is too old, forgets what is long over, and lets the rest go on", async () => {
    await using fleet = await withWebhook(["run.created", "run.cancelled"]);
    const { runId } = await fleet.createRun(["work"]);
    fleet.now += 1_000;
    await fleet.cancel(runId);
    const tidy = (over: object) =>
      fleet.store.run("tidyDeliveries", { giveUpBefore: 0, forgetBefore: 0, count: 10, now: fleet.now, ...over });

    await tidy({ giveUpBefore: fleet.now - 1 });
    const given = (await deliveries(fleet)).map(({ state, last_error }) => [state, last_error]);
    const next = await fleet.claim("whk_1");
    await tidy({ forgetBefore: fleet.now });

    expect(given).toEqual([
      ["failed", "expired"],
      ["pending", null],
    ]);
    expect(claimedTypes(next)).toEqual(["run.cancelled"]);
    expect(types(await deliveries(fleet))).toEqual(["run.cancelled"]);
    expect(await problems(fleet)).toEqual([]);
  });
});
