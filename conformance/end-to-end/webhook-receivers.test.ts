import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

import type { Webhook } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { drip, openRaw, saying } from "../_support/raw-receiver.ts";
import { cancelledRun, create, newest, SOON, startWebhookEnv } from "../_support/webhook-env.ts";
import { WebhookReceiver } from "../_support/webhook-receiver.ts";

const LONG = { timeoutMs: 20_000 };
const TEST = { timeout: 60_000 };

describe("where a webhook may go", () => {
  it("is not back inside, however it is spelled", TEST, async () => {
    await using canary = await openRaw(0, () => {});
    await using env = await startWebhookEnv({ networks: "" });
    const places = [
      "http://127.0.0.1:PORT/",
      "http://localhost:PORT/",
      "http://127.1:PORT/",
      "http://0:PORT/",
      "http://0x7f000001:PORT/",
      "http://2130706433:PORT/",
      "http://017700000001:PORT/",
      "http://①②⑦.0.0.1:PORT/",
      "http://[::1]:PORT/",
      "http://[::]:PORT/",
      "http://[::ffff:127.0.0.1]:PORT/",
      "http://[::ffff:7f00:1]:PORT/",
      "http://[64:ff9b::7f00:1]:PORT/",
      "http://[2002:7f00:1::]:PORT/",
      "http://10.0.0.1/",
      "http://172.16.0.1/",
      "http://192.168.1.1/",
      "http://100.64.0.1/",
      "http://169.254.169.254/latest/meta-data/",
      "http://[fd00:ec2::254]/",
      "http://[fe80::1]/",
      "http://224.0.0.1/",
      "http://255.255.255.255/",
    ].map((url) => url.replace("PORT", String(canary.port)));

    const refusals = await Promise.all(
      places.map(async (url) => {
        const response = await env.server.post("/api/v1/webhooks", { url });
        return [url, response.status, ((await response.json()) as { error?: { code: string } }).error?.code];
      }),
    );

    expect(refusals).toEqual(places.map((url) => [url, 400, "ADDRESS_NOT_ALLOWED"]));
    expect(canary.connections()).toBe(0);
  });

  it.each([
    ["address_refused", { SIGNALBOX_WEBHOOK_NETWORKS: "10.0.0.0/8" }],
    ["port_refused", { SIGNALBOX_WEBHOOK_NETWORK_PORTS: "1" }],
  ])(
    "is looked at again at each try: what was allowed before a restart is %s after it",
    TEST,
    async (error, change) => {
      await using receiver = await WebhookReceiver.open();
      const settings = {
        SIGNALBOX_WEBHOOK_NETWORKS: "127.0.0.1",
        SIGNALBOX_WEBHOOK_NETWORK_PORTS: String(receiver.port),
      };
      await using env = await startDevEnv({ runners: 0, limits: SOON, serverEnv: settings });
      const hook = await create(env.client, receiver.url);
      await env.server.kill();
      // The settings of a server are read at its start.
      await using strict = await startDevEnv({
        runners: 0,
        limits: SOON,
        serverEnv: { ...settings, ...change },
        serverDataDir: env.server.dataDir,
      });

      const { id } = await strict.client.webhooks.test(hook.id);
      await eventually(async () => (await strict.client.webhooks.delivery(hook.id, id)).lastError !== undefined, LONG);

      expect(await strict.client.webhooks.delivery(hook.id, id)).toMatchObject({ state: "pending", lastError: error });
      expect(receiver.posts).toEqual([]);
    },
  );

  it("is a port of the web, and others only where the operator says so", TEST, async () => {
    await using canary = await openRaw(0, () => {});
    await using env = await startWebhookEnv({
      serverEnv: { SIGNALBOX_WEBHOOK_PORTS: "443", SIGNALBOX_WEBHOOK_NETWORK_PORTS: String(canary.port) },
    });
    const verdictOf = async (url: string) => {
      const response = await env.server.post("/api/v1/webhooks", { url });
      return response.ok ? "made" : ((await response.json()) as { error: { code: string } }).error.code;
    };
    const places = {
      "http://127.0.0.1:6379/": "PORT_NOT_ALLOWED",
      "http://127.0.0.1/": "PORT_NOT_ALLOWED",
      [`http://1.1.1.1:${canary.port}/`]: "PORT_NOT_ALLOWED",
      "https://1.1.1.1:25/": "PORT_NOT_ALLOWED",
      "http://1.1.1.1/": "PORT_NOT_ALLOWED",
      "https://1.1.1.1/": "made",
      [`http://127.0.0.1:${canary.port}/`]: "made",
    };

    const verdicts = await Promise.all(Object.keys(places).map(async (url) => [url, await verdictOf(url)]));

    expect(Object.fromEntries(verdicts)).toEqual(places);
    expect(canary.connections()).toBe(0);
  });

  it("is not said by what is no URL, no event or no secret", TEST, async () => {
    await using env = await startWebhookEnv();
    const url = "https://hooks.example/";
    const bodies = [
      { url: "ftp://hooks.example/" },
      { url: "file:///etc/passwd" },
      { url: "https://user:word@hooks.example/" },
      { url: "not a url" },
      { url: 7 },
      {},
      { url, events: ["run.exploded"] },
      { url, events: [] },
      { url, secret: "short" },
      { url, more: 1 },
    ];

    const refusals = await Promise.all(
      bodies.map(async (body) => {
        const response = await env.server.post("/api/v1/webhooks", body);
        return [response.status, ((await response.json()) as { error?: { code: string } }).error?.code];
      }),
    );

    expect(refusals).toEqual(bodies.map(() => [400, "VALIDATION_ERROR"]));
  });
});

describe("receivers that mean no good", () => {
  it("hold up nobody but themselves", { timeout: 60_000 }, async () => {
    await using canary = await WebhookReceiver.open();
    await using good = await WebhookReceiver.open();
    await using env = await startWebhookEnv();
    await using all = new AsyncDisposableStack();
    const hostile: Record<string, Webhook> = {};
    for (const [name, take] of Object.entries(hostileTo(canary.url))) {
      const raw = all.use(await openRaw(0, take));
      hostile[name] = await create(env.client, `http://127.0.0.1:${raw.port}/`, { events: ["run.cancelled"] });
    }
    const hook = await create(env.client, good.url, { events: ["run.cancelled"] });
    const before = await residentBytes(env.server.pid);

    const runs: string[] = [];
    for (let n = 0; n < 5; n++) runs.push(await cancelledRun(env.client));
    await eventually(() => good.posts.length === 5, { timeoutMs: 5_000 });
    const outcomes: Record<string, string> = {};
    for (const [name, { id }] of Object.entries(hostile)) {
      outcomes[name] = await eventually(async () => {
        const { items } = await env.client.webhooks.deliveries(id, { limit: 50 });
        const tried = items.find(({ lastStatus, lastError }) => lastStatus ?? lastError);
        return tried && `${tried.lastStatus ?? ""} ${tried.lastError ?? "accepted"}`.trim();
      }, LONG);
    }

    expect(outcomes).toEqual({
      silent: "timeout",
      slowHeaders: "timeout",
      hugeHeaders: "invalid_answer",
      noHttp: "invalid_answer",
      hangsUp: "unreachable",
      endlessBody: "200 accepted",
      redirects: "302 redirected",
      gone: "410 status",
    });
    expect(canary.posts).toEqual([]);
    expect(await env.client.webhooks.get(hostile["gone"]!.id)).toMatchObject({
      active: false,
      disabledReason: "the receiver answered 410 Gone",
    });
    expect(good.posts.map(({ message }) => String(message.run_id)).toSorted()).toEqual(runs.toSorted());
    expect(await newest(env.client, hook)).toMatchObject({ state: "delivered", attempts: 1 });
    expect((await residentBytes(env.server.pid)) - before).toBeLessThan(100_000_000);
    expect((await env.server.fetch("/health")).status).toBe(200);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1_024;
}

/** Receivers by what they do. */
function hostileTo(canaryUrl: string): Record<string, (socket: Socket) => void> {
  return {
    silent: (socket) => void socket.resume(),
    slowHeaders: drip("HTTP/1.1 200 OK\r\nx-slow: ", "x", 20),
    hugeHeaders: saying(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}\r\n`),
    noHttp: saying("SSH-2.0-OpenSSH_9.9\r\n"),
    hangsUp: (socket) => void socket.destroy(),
    endlessBody: drip("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(60_000), 1),
    redirects: saying(`HTTP/1.1 302 Found\r\nlocation: ${canaryUrl}\r\ncontent-length: 0\r\n\r\n`),
    gone: saying("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"),
  };
}
