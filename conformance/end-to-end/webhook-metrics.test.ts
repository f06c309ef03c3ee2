import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { DevEnv } from "../dev-env.ts";
import { cancelledRun, create, newest, startWebhookEnv } from "../_support/webhook-env.ts";
import { WebhookReceiver } from "../_support/webhook-receiver.ts";

const LONG = { timeoutMs: 20_000 };
const EVENTS = { events: ["run.cancelled"] };

describe("the numbers of webhooks", () => {
  it("say what was told, what waits, for how long, and who is left alone", { timeout: 60_000 }, async () => {
    await using good = await WebhookReceiver.open();
    await using bad = await WebhookReceiver.open();
    await using gone = await WebhookReceiver.open();
    bad.answer = (outgoing) => void outgoing.writeHead(500).end();
    gone.answer = (outgoing) => void outgoing.writeHead(410).end();
    await using env = await startWebhookEnv({
      limits: { "webhook.breakerFailures": 1, "webhook.breakerMs": 600_000, "webhook.breakerMaxMs": 600_000 },
    });
    const before = await scrape(env);
    const hooks = {
      good: await create(env.client, good.url, EVENTS),
      bad: await create(env.client, bad.url, EVENTS),
      gone: await create(env.client, gone.url, EVENTS),
    };

    await cancelledRun(env.client);
    await eventually(async () => (await env.client.webhooks.get(hooks.gone.id)).active === false, LONG);
    await cancelledRun(env.client);
    await eventually(async () => (await newest(env.client, hooks.good))?.state === "delivered", LONG);
    await eventually(async () => (await env.client.webhooks.get(hooks.bad.id)).breaker === "open", LONG);
    await eventually(() => good.posts.length === 2, LONG);
    const after = await eventually(async () => {
      const numbers = await scrape(env);
      return numbers['webhook_deliveries_total{outcome="delivered"}'] === 2 && numbers;
    }, LONG);

    expect(before).toMatchObject({
      'webhooks{state="active"}': 0,
      'webhook_deliveries_total{outcome="failed"}': 0,
      'webhook_tries_total{outcome="timeout"}': 0,
      webhook_oldest_waiting_seconds: 0,
    });
    expect(after).toMatchObject({
      'webhooks{state="active"}': 2,
      'webhooks{state="disabled"}': 1,
      'webhook_deliveries_total{outcome="delivered"}': 2,
      'webhook_deliveries_total{outcome="failed"}': 1,
      'webhook_deliveries_pending{webhook_state="active"}': 2,
      'webhook_deliveries_pending{webhook_state="disabled"}': 0,
      'webhook_tries_total{outcome="accepted"}': 2,
      'webhook_tries_total{outcome="status"}': 2,
      [`webhook_breaker_state{webhook="${hooks.good.id}"}`]: 0,
      [`webhook_breaker_state{webhook="${hooks.bad.id}"}`]: 2,
    });
    expect(after["webhook_oldest_waiting_seconds"]).toBeGreaterThan(0);
    expect(Object.keys(after).filter((name) => name.startsWith("webhook_breaker_state"))).toHaveLength(3);
  });
});

/** What the server answers to Prometheus, by name and labels. */
async function scrape(env: DevEnv): Promise<Record<string, number>> {
  const text = await (await env.server.fetch("/metrics")).text();
  const lines = text.split("\n").filter((line) => line.startsWith("signalbox_"));
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", value] = line.slice("signalbox_".length).split(" ");
      return [name, Number(value)];
    }),
  );
}
