import { readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";

import { verifyWebhook, type Client } from "@signalbox/client";
import type { CreateWebhookInput, LimitOverrides, Webhook } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { SEED, seededRandom } from "../_support/seeded-random.ts";
import { isBelieved, WebhookReceiver } from "../_support/webhook-receiver.ts";

/** Tries that come soon and are short, so that a test need not wait. */
const SOON: LimitOverrides = {
  "webhook.backoffMs": 200,
  "webhook.backoffMaxMs": 400,
  "webhook.timeoutMs": 1_000,
  "webhook.connectMs": 500,
  "webhook.leaseMs": 1_500,
  "webhook.breakerFailures": 1_000,
};
const LONG = { timeoutMs: 20_000 };
const TEST = { timeout: 60_000 };

const SCRIPT = {
  turns: [
    {
      when: "write",
      steps: [{ do: "write", path: "hello.txt", text: "hi\n", allow: [{ do: "say", text: "Done." }], deny: [] }],
    },
    { steps: [{ do: "say", text: "Nothing to do." }] },
  ],
};

/** A server that may post to this machine's loopback address, and where a test wants it, a runner. */
async function startEnv(more: { limits?: LimitOverrides; networks?: string; runners?: number } = {}): Promise<DevEnv> {
  return startDevEnv({
    runners: more.runners ?? 0,
    limits: { ...SOON, ...more.limits },
    serverEnv: { SIGNALBOX_WEBHOOK_NETWORKS: more.networks ?? "127.0.0.1" },
  });
}

function create(client: Client, url: string, more: Partial<CreateWebhookInput> = {}) {
  return client.webhooks.create({ url, ...more });
}

/** A run that is over at once: nobody is there to take its step. */
async function cancelledRun(client: Client): Promise<string> {
  const { id } = await client.runs.create({ command: "true" });
  await client.runs.cancel(id);
  return id;
}

/** What the newest delivery of a webhook came to. */
async function newest(client: Client, { id }: Pick<Webhook, "id">) {
  return (await client.webhooks.deliveries(id, { limit: 1 })).items[0];
}

describe("a webhook", () => {
  it("tells of an approval that an agent asks for in a session, and of the answer, signed", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startEnv();
    await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    const { secret } = await create(env.client, receiver.url);

    const session = await env.client.sessions.create({ providerId: "scripted", task: "write a greeting" });
    const asked = await eventually(
      () => receiver.posts.find(({ message }) => message.event_type === "approval.requested"),
      LONG,
    );
    // What was told is enough to decide by.
    const { approvalId, contentHash } = asked.message.payload as { approvalId: string; contentHash: string };
    await env.client.approvals.resolve(approvalId, { decision: "allow", contentHash });
    await eventually(() => receiver.posts.length >= 5, LONG);

    expect(asked.message).toMatchObject({
      org_id: "default",
      run_id: session.runId,
      session_id: session.sessionId,
      stream: session.sessionId,
      payload: { kind: "permission", description: expect.any(String), expiresAt: expect.any(String) },
    });
    expect(receiver.types).toEqual([
      "approval.requested",
      "approval.resolved",
      "artifact.created",
      "run.succeeded",
      "session.completed",
    ]);
    expect(receiver.posts.filter((post) => !isBelieved(post, secret))).toEqual([]);
    expect(await verifyWebhook(asked, { secret })).toEqual(asked.message);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("carries what receivers of the NOFX guide read", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startEnv({ runners: 1 });
    await create(env.client, receiver.url);
    const steps = [
      { name: "good", tool: "command", inputs: { shell: "echo hi > report.txt" } },
      { name: "ask", tool: "gate:manual", inputs: { description: "Deploy?" } },
    ];
    const good = await env.client.runs.create({
      plan: { goal: "Ship it", steps },
    });
    const bad = await env.client.runs.create({ command: "exit 3" });
    const pending = await eventually(
      () => receiver.posts.find(({ message }) => message.event_type === "gate.pending"),
      LONG,
    );
    await env.client.gates.approve(String(pending.message.payload["gate_id"]));
    await eventually(() => receiver.types.includes("run.succeeded") && receiver.types.includes("run.failed"), LONG);

    const told = (type: string) => receiver.posts.find(({ message }) => message.event_type === type)!.message;
    expect(told("run.succeeded")).toMatchObject({
      run_id: good.id,
      payload: { goal: "Ship it", duration: expect.any(Number), steps_count: 2 },
    });
    expect(told("run.failed")).toMatchObject({ run_id: bad.id, payload: { error: expect.any(String) } });
    expect(pending.message.payload).toMatchObject({ description: "Deploy?", approvers: [] });
  });

  it("is told what its receiver missed while it was down, once it is up", TEST, async () => {
    const gone = await WebhookReceiver.open();
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    await using env = await startEnv();
    const hook = await create(env.client, `http://127.0.0.1:${port}/`, { events: ["run.cancelled"] });
    const runId = await cancelledRun(env.client);
    await eventually(async () => (await newest(env.client, hook))?.lastError === "unreachable", LONG);

    await using receiver = await openRaw(port, saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    await eventually(async () => (await newest(env.client, hook))?.state === "delivered", LONG);

    expect(receiver.heard()).toContain(runId);
  });

  // Red without the lease of a claim: what was posted and not recorded would never be told again.
  it("is told again, under the same id, when the server is killed between the post and its record", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startEnv();
    const hook = await create(env.client, receiver.url, { events: ["run.cancelled"] });
    let killed: Promise<void> | undefined;
    receiver.answer = (outgoing) => {
      if (killed) return void outgoing.end();
      killed = env.server.kill();
    };

    await cancelledRun(env.client);
    await eventually(() => killed !== undefined, LONG);
    await killed;
    await env.server.start();
    await eventually(async () => (await newest(env.client, hook))?.state === "delivered", LONG);

    expect(receiver.ids.length).toBe(2);
    expect(new Set(receiver.ids).size).toBe(1);
    expect(new Set(receiver.posts.map(({ body }) => body)).size).toBe(1);
    expect(await newest(env.client, hook)).toMatchObject({ attempts: 2 });
    expect(await findDamage(env.server)).toEqual([]);
  });

  it(
    "loses nothing and keeps the order of each run, with a receiver that fails half the time and servers that die",
    { timeout: 90_000 },
    async () => {
      await using receiver = await WebhookReceiver.open();
      await using env = await startEnv({
        limits: { "webhook.backoffMs": 50, "webhook.backoffMaxMs": 100, "webhook.tries": 100 },
      });
      const random = seededRandom(SEED);
      const accepted: { stream: string; seq: number; id: string }[] = [];
      receiver.answer = (outgoing, { message }) => {
        if (random(2) === 0) return void outgoing.writeHead(500).end();
        accepted.push({ stream: message.stream ?? "", seq: message.seq ?? 0, id: message.id });
        outgoing.end();
      };
      const hook = await create(env.client, receiver.url, {
        events: ["run.created", "run.cancel_requested", "run.cancelled"],
      });

      const runs: string[] = [];
      for (let n = 0; n < 60; n++) {
        runs.push(await cancelledRun(env.client));
        if (n % 20 === 19) await env.server.restart();
      }
      await eventually(
        async () => (await env.client.webhooks.deliveries(hook.id, { state: "pending", limit: 1 })).items.length === 0,
        { timeoutMs: 60_000, everyMs: 200 },
      );

      for (const runId of runs) {
        const seqs = accepted.filter(({ stream }) => stream === runId).map(({ seq }) => seq);
        expect(seqs).toEqual(seqs.toSorted((one, other) => one - other));
        expect(new Set(seqs).size).toBe(3);
      }
      const ids = new Map<string, Set<string>>();
      for (const { message } of receiver.posts) {
        const event = `${message.stream}/${message.seq}`;
        ids.set(event, (ids.get(event) ?? new Set()).add(message.id));
      }
      expect([...ids.values()].every((some) => some.size === 1)).toBe(true);
      expect(ids.size).toBe(180);
      expect(await findDamage(env.server)).toEqual([]);
    },
  );

  it("is believed with either secret while it is given another, and then with the new one alone", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startEnv();
    const { id, secret: before } = await create(env.client, receiver.url);

    const next = await env.client.webhooks.rotate(id, { overlapMs: 2_000 });
    await env.client.webhooks.test(id);
    await eventually(() => receiver.posts.length === 1, LONG);
    await eventually(async () => (await env.client.webhooks.get(id)).previousSecretUntil === undefined, LONG);
    await env.client.webhooks.test(id);
    await eventually(() => receiver.posts.length === 2, LONG);

    const believed = receiver.posts.map((post) => [isBelieved(post, before), isBelieved(post, next.secret)]);
    expect(believed).toEqual([
      [true, true],
      [false, true],
    ]);
    expect(JSON.stringify(await env.client.webhooks.list())).not.toContain("whsec_");
    expect(env.server.said).not.toContain(next.secret);
  });

  it("of the server's settings is there from the start, under the names of the NOFX guide as well", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    const secret = "a-secret-of-the-operator";
    await using env = await startDevEnv({
      runners: 0,
      limits: SOON,
      serverEnv: {
        NOFX_WEBHOOK_URL: receiver.url,
        NOFX_WEBHOOK_SECRET: secret,
        SIGNALBOX_WEBHOOK_NETWORKS: "127.0.0.0/8",
      },
    });

    await cancelledRun(env.client);
    const [post] = await eventually(() => receiver.posts.length > 0 && receiver.posts, LONG);

    expect(await verifyWebhook(post!, { secret })).toMatchObject({ event_type: "run.cancelled" });
    expect((await env.client.webhooks.list()).items).toMatchObject([{ origin: "environment" }]);
  });
});

describe("where a webhook may go", () => {
  it("is not back inside, however it is spelled", TEST, async () => {
    await using canary = await openRaw(0, () => {});
    await using env = await startEnv({ networks: "" });
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

  it("is looked at again at each try: what was allowed before a restart is refused after it", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    const networks = { SIGNALBOX_WEBHOOK_NETWORKS: "127.0.0.1" };
    await using env = await startDevEnv({ runners: 0, limits: SOON, serverEnv: networks });
    const hook = await create(env.client, receiver.url);
    await env.server.kill();
    // The settings of a server are read at its start.
    networks.SIGNALBOX_WEBHOOK_NETWORKS = "10.0.0.0/8";
    await using strict = await startDevEnv({
      runners: 0,
      limits: SOON,
      serverEnv: networks,
      serverDataDir: env.server.dataDir,
    });

    const { id } = await strict.client.webhooks.test(hook.id);
    await eventually(async () => (await strict.client.webhooks.delivery(hook.id, id)).lastError !== undefined, LONG);

    expect(await strict.client.webhooks.delivery(hook.id, id)).toMatchObject({
      state: "pending",
      lastError: "address_refused",
    });
    expect(receiver.posts).toEqual([]);
  });

  it("is not said by what is no URL, no event or no secret", TEST, async () => {
    await using env = await startEnv();
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
    await using env = await startEnv();
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

/** Takes connections on a port, any free one for 0, and does with each what a test wants. */
async function openRaw(port: number, take: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  let heard = "";
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers a request with these bytes. */
function saying(text: string) {
  return (socket: Socket) => void socket.once("data", () => socket.write(text));
}

/** Says the same again and again, for as long as somebody listens. */
function drip(first: string, again: string, everyMs: number) {
  return (socket: Socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(again), everyMs);
    socket.on("close", () => clearInterval(timer));
  };
}
