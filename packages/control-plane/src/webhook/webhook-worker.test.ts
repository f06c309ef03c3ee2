import { eventually } from "@signalbox/testkit";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";

import { openReceiver, status, type Arrived, type Receiver } from "../../test/_support/receiver.ts";
import { dataOf, Rig, type RigOptions } from "../../test/_support/rig.ts";

const HERE = ["127.0.0.1"];

function openRig(over: RigOptions = {}): Promise<Rig> {
  return Rig.open({ webhook: { allowedNetworks: HERE, networkPorts: ["1-65535"], random: () => 0.5 }, ...over });
}

async function webhookTo(rig: Rig, receiver: Receiver, events: string[] = ["run.cancelled"]) {
  return dataOf(await rig.plane.webhooks.createWebhook({ url: receiver.url, events }));
}

async function cancelledRun(rig: Rig): Promise<string> {
  const { id } = await rig.createRun(["work"]);
  dataOf(await rig.plane.runs.cancelRun(id, {}));
  return id;
}

async function deliveries(rig: Rig, webhookId: string) {
  return dataOf(await rig.plane.webhooks.listDeliveries(webhookId)).items;
}

/** Waits until the newest delivery of a webhook is as it should be. */
async function untilNewest(rig: Rig, webhookId: string, wanted: Record<string, unknown>) {
  await eventually(async () => {
    expect((await deliveries(rig, webhookId))[0]).toMatchObject(wanted);
    return true;
  });
}

const types = (receiver: Receiver) => receiver.arrived.map(({ message }) => message.event_type);

describe("WebhookWorker", () => {
  it("tells a receiver at once, signed so that the published library verifies it", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id, secret } = await webhookTo(rig, receiver);

    const runId = await cancelledRun(rig);
    await untilNewest(rig, id, { state: "delivered", attempts: 1, lastStatus: 200 });

    const [arrived] = receiver.arrived;
    const [delivery] = await deliveries(rig, id);
    expect(arrived!.message).toMatchObject({
      id: delivery!.id,
      event_type: "run.cancelled",
      run_id: runId,
      org_id: "default",
      stream: runId,
      payload: { goal: "a goal", steps_count: 1 },
    });
    expect(arrived!.headers).toMatchObject({ "webhook-id": delivery!.id, "content-type": "application/json" });
    const now = Math.floor(rig.clock.now() / 1_000);
    expect(Number(arrived!.headers["webhook-timestamp"])).toBe(now);
    // Its clock is the machine's: only the signature is compared.
    const theirs = new StandardWebhook(secret).sign(delivery!.id, new Date(now * 1_000), arrived!.body);
    expect(arrived!.headers["webhook-signature"]).toBe(theirs);
  });

  it("tries a receiver that is down again until it is up, with the same id and body, and in order", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id } = await webhookTo(rig, receiver, ["run.created", "run.cancelled"]);
    receiver.answer = status(503);

    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);
    await eventually(async () => (await deliveries(rig, id)).some(({ lastStatus }) => lastStatus === 503));
    await rig.pass(3_000);
    await eventually(() => receiver.arrived.length === 2);
    receiver.answer = status(200);
    await eventually(async () => {
      await rig.pass(1_000);
      expect(types(receiver)).toEqual(["run.created", "run.created", "run.created", "run.cancelled"]);
      return true;
    });

    const bodies = receiver.arrived.slice(0, 3).map(({ body }) => body);
    const ids = receiver.arrived.slice(0, 3).map(({ headers }) => headers["webhook-id"]);
    expect([new Set(bodies).size, new Set(ids).size]).toEqual([1, 1]);
  });

  // Red without the lease: a claim of a server that is gone would be held for ever.
  it("tells again what a server had posted and not recorded when it was killed, under the same id", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id } = await webhookTo(rig, receiver);
    rig.failOnce("recordTry", new Error("killed"));

    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);
    await rig.startPlane();
    await rig.pass(16_000);
    await untilNewest(rig, id, { state: "delivered", attempts: 2 });

    expect(receiver.arrived.map(({ headers }) => headers["webhook-id"])).toEqual([
      receiver.arrived[0]!.headers["webhook-id"],
      receiver.arrived[0]!.headers["webhook-id"],
    ]);
  });

  it("tells what happened while no server ran its webhooks", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    await webhookTo(rig, receiver);
    const { id: runId } = await rig.createRun(["work"]);
    await rig.plane.drain();
    await rig.store.run("cancelRun", {
      runId,
      orgId: "default",
      mode: "cancel",
      because: "cancelled",
      now: rig.clock.now(),
      actor: { kind: "system", id: "system" },
    });

    await rig.startPlane();

    await eventually(() => receiver.arrived.length === 1);
    expect(receiver.arrived[0]!.message.run_id).toBe(runId);
  });

  it("leaves a receiver alone that fails again and again, and tells others as ever", async () => {
    await using bad = await openReceiver();
    await using good = await openReceiver();
    await using rig = await openRig({ limits: { "webhook.breakerFailures": 2, "webhook.backoffMs": 10 } });
    bad.answer = status(500);
    const { id } = await webhookTo(rig, bad);
    const other = await webhookTo(rig, good);

    for (let n = 0; n < 6; n++) await cancelledRun(rig);
    await eventually(() => good.arrived.length === 6);
    await eventually(async () => dataOf(await rig.plane.webhooks.getWebhook(id)).breaker === "open");
    await rig.settle();
    const before = bad.arrived.length;
    await rig.pass(20_000);

    expect(bad.arrived.length).toBe(before);
    expect(before).toBeLessThanOrEqual(4);
    expect(dataOf(await rig.plane.webhooks.getWebhook(other.id)).breaker).toBe("closed");

    bad.answer = status(200);
    await eventually(async () => {
      await rig.pass(2_000);
      return (await deliveries(rig, id)).every(({ state }) => state === "delivered");
    });
    expect(dataOf(await rig.plane.webhooks.getWebhook(id)).breaker).toBe("closed");
    // Nobody gave up a try for the time that the receiver was left alone.
    expect(Math.max(...(await deliveries(rig, id)).map(({ attempts }) => attempts))).toBeLessThanOrEqual(3);
  });

  // Red without `doubt`: each start would send a receiver that is down as many posts as a breaker bears, all at once.
  it("sends a receiver that was down one post after a restart, and everything once it is up", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id } = await webhookTo(rig, receiver);
    receiver.answer = status(503);
    for (let n = 0; n < 20; n++) await cancelledRun(rig);
    await eventually(async () => dataOf(await rig.plane.webhooks.getWebhook(id)).breaker === "open");
    await rig.settle();

    const tries: number[] = [];
    for (let start = 0; start < 3; start++) {
      const before = receiver.arrived.length;
      await rig.startPlane();
      await eventually(async () => dataOf(await rig.plane.webhooks.getWebhook(id)).breaker === "open");
      await rig.pass(25_000);
      tries.push(receiver.arrived.length - before);
    }
    receiver.answer = status(200);
    await rig.startPlane();
    await eventually(async () => {
      await rig.pass(5_000);
      return (await deliveries(rig, id)).every(({ state }) => state === "delivered");
    });

    expect(tries).toEqual([1, 1, 1]);
    expect(dataOf(await rig.plane.webhooks.getWebhook(id)).breaker).toBe("closed");
  });

  it("doubts no receiver after a restart that only did not want one post", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id } = await webhookTo(rig, receiver);
    receiver.answer = status(422);
    for (let n = 0; n < 3; n++) await cancelledRun(rig);
    await eventually(async () => (await deliveries(rig, id)).every(({ lastStatus }) => lastStatus === 422));

    const waiting: (() => void)[] = [];
    receiver.answer = (outgoing) => void waiting.push(() => outgoing.end());
    await rig.startPlane();
    await eventually(async () => {
      await rig.pass(1_000);
      return waiting.length === 3;
    });
    for (const answer of waiting) answer();

    expect(dataOf(await rig.plane.webhooks.getWebhook(id)).breaker).toBe("closed");
  });

  // Red without the bounds in `Receivers`: a breaker that cannot be made would stop every post.
  it("tells receivers whatever an installation says of breakers", async () => {
    await using receiver = await openReceiver();
    const most = Number.MAX_SAFE_INTEGER;
    const limits = { "webhook.breakerFailures": most, "webhook.breakerMs": most, "webhook.breakerMaxMs": 1 };
    await using rig = await openRig({ limits });
    await webhookTo(rig, receiver);

    await cancelledRun(rig);

    await eventually(() => receiver.arrived.length === 1);
    expect(types(receiver)).toEqual(["run.cancelled"]);
  });

  it("posts no more at once to one receiver, and to all, than the limits say", async () => {
    await using receiver = await openReceiver();
    await using other = await openReceiver();
    await using rig = await openRig({ limits: { "webhook.concurrency": 2, "webhook.concurrencyTotal": 3 } });
    const waiting: (() => void)[] = [];
    let most = 0;
    for (const one of [receiver, other])
      one.answer = (outgoing) => {
        waiting.push(() => outgoing.end());
        most = Math.max(most, waiting.length);
      };
    await webhookTo(rig, receiver);
    await webhookTo(rig, other);

    for (let n = 0; n < 5; n++) await cancelledRun(rig);
    await eventually(() => waiting.length === 3);
    await rig.pass(2_000);
    const atOnce = [waiting.length, receiver.arrived.length <= 2, other.arrived.length <= 2];
    await eventually(() => {
      for (const answer of waiting.splice(0)) answer();
      return receiver.arrived.length === 5 && other.arrived.length === 5;
    });

    expect(atOnce).toEqual([3, true, true]);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("switches a webhook off whose receiver is gone for good", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    receiver.answer = status(410);
    const { id } = await webhookTo(rig, receiver);

    await cancelledRun(rig);
    await eventually(async () => !dataOf(await rig.plane.webhooks.getWebhook(id)).active);
    await cancelledRun(rig);
    await rig.pass(2_000);

    expect(receiver.arrived).toHaveLength(1);
    expect(dataOf(await rig.plane.webhooks.getWebhook(id))).toMatchObject({
      disabledReason: "the receiver answered 410 Gone",
    });
    expect(await deliveries(rig, id)).toMatchObject([{ state: "failed", lastStatus: 410 }]);
  });

  it("signs with both secrets for as long as a rotation says, and then with the new one", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id, secret: before } = await webhookTo(rig, receiver);
    const next = dataOf(await rig.plane.webhooks.rotateSecret(id, { overlapMs: 60_000 }));

    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);
    await rig.pass(60_000, 10_000);
    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 2);

    const signedBy = (post: Arrived, secrets: readonly string[]) => {
      const at = new Date(Number(post.headers["webhook-timestamp"]) * 1_000);
      const sign = (secret: string) =>
        new StandardWebhook(secret).sign(String(post.headers["webhook-id"]), at, post.body);
      return secrets.map(sign).join(" ");
    };
    const [during, later] = receiver.arrived as [Arrived, Arrived];
    expect(during.headers["webhook-signature"]).toBe(signedBy(during, [next.secret, before]));
    expect(later.headers["webhook-signature"]).toBe(signedBy(later, [next.secret]));
    expect(next.previousSecretUntil).toBeDefined();
    expect(dataOf(await rig.plane.webhooks.getWebhook(id)).previousSecretUntil).toBeUndefined();
  });

  it("leaves a payload out that is too large, and says so", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig({ limits: { "webhook.bodyBytes": 300 } });
    await webhookTo(rig, receiver);

    const steps = [{ name: "a", tool: "command", inputs: { shell: "true" } }];
    const { id } = await rig.createRun([], { plan: { goal: "g".repeat(400), steps } });
    dataOf(await rig.plane.runs.cancelRun(id, {}));
    await eventually(() => receiver.arrived.length === 1);

    expect(receiver.arrived[0]!.message).toMatchObject({ payload: {}, payload_omitted: true });
  });

  it("waits for posts under way when it stops, and begins no other", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig({ limits: { "webhook.concurrency": 1 } });
    const { id } = await webhookTo(rig, receiver);
    let answer = () => {};
    receiver.answer = (outgoing) => (answer = () => void outgoing.end());
    await cancelledRun(rig);
    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);

    const drained = rig.plane.drain();
    answer();
    await drained;

    expect(receiver.arrived).toHaveLength(1);
    const states = (await deliveries(rig, id)).map(({ state }) => state);
    expect(states).toEqual(["pending", "delivered"]);
  });

  it("cuts a post off that would hold up its stop, and does not count it", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig();
    const { id } = await webhookTo(rig, receiver);
    receiver.answer = () => {};
    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);

    const drained = rig.plane.drain();
    await rig.pass(6_000);
    await drained;

    expect(await deliveries(rig, id)).toMatchObject([{ state: "pending", attempts: 0 }]);
  });

  it("gives up what is too old, also when its receiver is left alone", async () => {
    await using receiver = await openReceiver();
    await using rig = await openRig({ limits: { "webhook.keepTryingMs": 100_000, "webhook.breakerFailures": 1 } });
    receiver.answer = status(500);
    const { id } = await webhookTo(rig, receiver);

    await cancelledRun(rig);
    await eventually(() => receiver.arrived.length === 1);
    await rig.pass(200_000, 20_000);

    await eventually(async () => (await deliveries(rig, id))[0]!.state === "failed");
    expect(await deliveries(rig, id)).toMatchObject([{ state: "failed", lastStatus: 500 }]);
  });
});
