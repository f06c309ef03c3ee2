import { writeFile } from "node:fs/promises";

import { verifyWebhook } from "@signalbox/client";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { openRaw, saying } from "../_support/raw-receiver.ts";
import { SEED, seededRandom } from "../_support/seeded-random.ts";
import { cancelledRun, create, newest, SOON, startWebhookEnv } from "../_support/webhook-env.ts";
import { isBelieved, WebhookReceiver } from "../_support/webhook-receiver.ts";

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

describe("a webhook", () => {
  it("tells of an approval that an agent asks for in a session, and of the answer, signed", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startWebhookEnv();
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
    await using env = await startWebhookEnv({ runners: 1 });
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
    await using env = await startWebhookEnv();
    const hook = await create(env.client, `http://127.0.0.1:${port}/`, { events: ["run.cancelled"] });
    const runId = await cancelledRun(env.client);
    await eventually(async () => (await newest(env.client, hook))?.lastError === "unreachable", LONG);

    await using receiver = await openRaw(port, saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    await eventually(async () => (await newest(env.client, hook))?.state === "delivered", LONG);

    expect(receiver.heard()).toContain(runId);
  });

  it("is told what was given up while its receiver was down, once somebody asks for that", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startWebhookEnv({ limits: { "webhook.tries": 1 } });
    const hook = await create(env.client, receiver.url, { events: ["run.created", "run.cancelled"] });
    receiver.answer = (outgoing) => void outgoing.writeHead(500).end();
    const runs = [await cancelledRun(env.client), await cancelledRun(env.client)];
    const failed = async () => (await env.client.webhooks.deliveries(hook.id, { state: "failed" })).items.length;
    await eventually(async () => (await failed()) === 4, LONG);
    receiver.answer = (outgoing) => void outgoing.end();
    receiver.posts.length = 0;

    const sent = await env.client.webhooks.redeliverFailed(hook.id);
    const delivered = () => env.client.webhooks.deliveries(hook.id, { state: "delivered" });
    await eventually(async () => (await delivered()).items.length === 4, LONG);
    const later = new Date(Date.now() + 60_000).toISOString();
    const none = await env.client.webhooks.redeliverFailed(hook.id, { since: later });

    expect([sent, none]).toEqual([
      { redelivered: 4, remaining: false },
      { redelivered: 0, remaining: false },
    ]);
    for (const id of runs)
      expect(
        receiver.posts.filter(({ message }) => message.run_id === id).map(({ message }) => message.event_type),
      ).toEqual(["run.created", "run.cancelled"]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  // Red without the lease of a claim: what was posted and not recorded would never be told again.
  it("is told again, under the same id, when the server is killed between the post and its record", TEST, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startWebhookEnv();
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
      await using env = await startWebhookEnv({
        limits: {
          "webhook.backoffMs": 50,
          "webhook.backoffMaxMs": 100,
          "webhook.tries": 100,
          // It fails so often that it is left alone now and then, after each restart with its first post.
          "webhook.breakerMs": 200,
          "webhook.breakerMaxMs": 200,
        },
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
    await using env = await startWebhookEnv();
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
        SIGNALBOX_WEBHOOK_NETWORK_PORTS: String(receiver.port),
      },
    });

    await cancelledRun(env.client);
    const [post] = await eventually(() => receiver.posts.length > 0 && receiver.posts, LONG);

    expect(await verifyWebhook(post!, { secret })).toMatchObject({ event_type: "run.cancelled" });
    expect((await env.client.webhooks.list()).items).toMatchObject([{ origin: "environment" }]);
  });
});
