import {
  encodeOutputFrame,
  limit,
  RUNNER_PATHS,
  type OutputFrame,
  type RunnerMessageOf,
  type StartGrant,
} from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { StorageFullError } from "@signalbox/store";
import { eventually } from "@signalbox/testkit";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { crc32 } from "node:zlib";

import { enrol, LinkedRunner, newKey, OutputSocket, serve, Socket } from "../../test/_support/linked-runner.ts";
import { caller, dataOf, Rig } from "../../test/_support/rig.ts";

function frame(
  { attemptId, epoch }: Pick<StartGrant, "attemptId" | "epoch">,
  text: string,
  over: Partial<OutputFrame> = {},
): Uint8Array {
  const bytes = Buffer.from(text);
  return encodeOutputFrame({
    attemptId,
    epoch,
    stream: "stdout",
    offset: 0,
    length: bytes.length,
    crc32: crc32(bytes),
    bytes,
    ...over,
  });
}

/** Takes the first offer and returns what there is to start. */
async function takeWork(runner: LinkedRunner): Promise<StartGrant> {
  const { offerId, attemptId } = await runner.told("offer");
  runner.say({ type: "accept", offerId, attemptId });
  return (await runner.told("start")).grant;
}

describe("the control channel", () => {
  it("welcomes a runner that proves its key, with the intervals of this installation", async () => {
    await using rig = await Rig.open({
      limits: { "lease.ttlMs": 20_000, "lease.renewMs": 7_000, "runner.heartbeatMs": 3_000 },
    });
    await using server = await serve(rig);
    const identity = await enrol(rig);

    await using runner = await LinkedRunner.connect(server.url, identity);

    expect(await runner.told("welcome")).toMatchObject({
      protocol: 1,
      intervals: { leaseMs: 20_000, renewMs: 7_000, heartbeatMs: 3_000, windowBytes: limit("output.windowBytes") },
      attempts: [],
    });
    expect(dataOf(await rig.plane.runners.getRunner(identity.runnerId))).toMatchObject({
      connected: true,
      status: "online",
    });
  });

  it("carries a run from the offer to the end", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));
    const run = await rig.createRun(["work"]);
    const { attemptId, epoch, envelopeHash } = await takeWork(runner);

    runner.say({ type: "started", attemptId, epoch, envelopeHash, sandbox: { engine: "bwrap", network: "none" } });
    runner.say({ type: "renew", sentAt: 12.5, attempts: [{ attemptId, epoch }] });
    runner.say({ type: "finish", attemptId, epoch, result: { outcome: "succeeded", streams: [], artifacts: [] } });

    expect(await runner.told("renewed")).toEqual({
      type: "renewed",
      sentAt: 12.5,
      attempts: [{ attemptId, epoch, verdict: "renewed" }],
    });
    expect(await runner.told("finish_ack")).toMatchObject({ verdict: "applied" });
    expect((await rig.step(run.id, "work")).attempts).toMatchObject([
      { status: "succeeded", sandbox: { engine: "bwrap", network: "none" } },
    ]);
  });

  // Red without `isSignedBy` in `#admit`.
  it("refuses a signature by another key, over another nonce, for another runner, and of a runner without a key", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const [identity, other] = [await enrol(rig), await enrol(rig)];
    const keyless = dataOf(await rig.plane.runners.registerRunner({ hostname: "h", capabilities: {} }));
    const liars = [
      { ...identity, privateKey: newKey().privateKey },
      { ...identity, privateKey: other.privateKey },
      { ...identity, runnerId: "rnr_nobody" },
      { ...identity, runnerId: keyless.runnerId },
    ];

    for (const liar of liars) {
      await using runner = new LinkedRunner(server.url);
      await runner.greet(liar);
      expect(await runner.told("refused")).toMatchObject({ code: "UNAUTHORIZED" });
      expect(await runner.closeCode()).toBe(4003);
    }
    await using replayed = new LinkedRunner(server.url);
    await replayed.greet(identity, { signature: "AAAA" });
    expect(await replayed.closeCode()).toBe(4003);
    expect(rig.plane.stats().runnersOnline).toBe(0);
  });

  it("refuses a protocol that it does not speak", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = new LinkedRunner(server.url);

    await runner.greet(await enrol(rig), { protocol: { min: 2, max: 9 } });

    expect(await runner.told("refused")).toMatchObject({ code: "PROTOCOL_MISMATCH" });
  });

  it("closes when no hello comes in time", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = new LinkedRunner(server.url);
    await runner.told("challenge");

    rig.clock.advance(limit("runner.helloMs") - 1);
    expect(runner.closed).toBeUndefined();
    rig.clock.advance(1);

    expect(await runner.closeCode()).toBe(4001);
  });

  it.each([
    ["garbage", "{not json", 4002],
    ["bytes", new Uint8Array([0, 1, 255]), 4002],
    ["another message", JSON.stringify({ type: "renew", sentAt: 1, attempts: [] }), 4002],
    ["a frame beyond the limit", "x".repeat(limit("link.messageBytes") + 1), 1009],
  ])("closes on %s in place of a hello", async (_, message, code) => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = new LinkedRunner(server.url);
    await runner.told("challenge");

    runner.send(message);

    expect(await runner.closeCode()).toBe(code);
  });

  it.each([
    ["garbage", "{not json", 4003],
    ["an unknown message", JSON.stringify({ type: "become_admin" }), 4003],
    [
      "an epoch that is none",
      JSON.stringify({ type: "finish", attemptId: "a", epoch: -1, result: { outcome: "succeeded" } }),
      4003,
    ],
    ["a frame beyond the limit", "x".repeat(limit("link.messageBytes") + 1), 1009],
  ])("closes on %s after the hello", async (_, message, code) => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));

    runner.send(message);

    expect(await runner.closeCode()).toBe(code);
    await eventually(() => rig.plane.stats().runnersOnline === 0);
  });

  it("closes on a second hello", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    await using runner = await LinkedRunner.connect(server.url, identity);

    await runner.greet(identity);

    expect(await runner.closeCode()).toBe(4002);
  });

  it("tells a runner to come again when the store could not take what it said", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    await using runner = await LinkedRunner.connect(server.url, identity);
    await rig.createRun(["work"]);
    const { attemptId, epoch } = await takeWork(runner);
    rig.failOnce("finishAttempt", new StorageFullError("no room"));
    const finish: RunnerMessageOf<"finish"> = {
      type: "finish",
      attemptId,
      epoch,
      result: { outcome: "succeeded", streams: [], artifacts: [] },
    };

    runner.say(finish);
    expect(await runner.closeCode()).toBe(1011);
    await using again = await LinkedRunner.connect(server.url, identity, {
      attempts: [{ attemptId, epoch, state: "finished" }],
    });
    again.say(finish);

    expect((await again.told("welcome")).attempts).toEqual([{ attemptId, epoch, verdict: "keep" }]);
    expect(await again.told("finish_ack")).toMatchObject({ verdict: "applied" });
  });

  it("of a runner is fenced by a newer one, which keeps the work", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    await using older = await LinkedRunner.connect(server.url, identity);
    const run = await rig.createRun(["work"]);
    const { attemptId, epoch } = await takeWork(older);
    const { connectionToken } = await older.told("welcome");
    await using output = await older.openOutput();

    await using newer = await LinkedRunner.connect(server.url, identity, {
      attempts: [{ attemptId, epoch, state: "live" }],
    });

    expect(await older.closeCode()).toBe(4009);
    expect(await output.closeCode()).toBe(4009);
    expect(rig.plane.link.authenticateConnection(connectionToken)).toBeUndefined();
    expect((await newer.told("welcome")).attempts).toEqual([{ attemptId, epoch, verdict: "keep" }]);
    expect((await rig.step(run.id, "work")).attempts).toHaveLength(1);
    expect(rig.plane.stats().runnersOnline).toBe(1);
  });

  // Red when credentials end with the close handshake, which a hostile peer never answers.
  it("of a runner that was deregistered is over at once, also when the peer does not answer the close", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    await using runner = await LinkedRunner.connect(server.url, identity);
    const run = await rig.createRun(["work"]);
    const grant = await takeWork(runner);
    const { connectionToken } = await runner.told("welcome");
    await using output = await runner.openOutput();
    runner.ws.pause();

    dataOf(await rig.plane.runners.deregisterRunner(identity.runnerId, "stolen"));
    output.send(frame(grant, "too late"));
    runner.send({ type: "renew", sentAt: 1, attempts: [grant] });
    await using late = await runner.openOutput(connectionToken);

    expect(late.refusedWith).toBe(401);
    expect(rig.plane.link.authenticateConnection(connectionToken)).toBeUndefined();
    expect(rig.plane.stats()).toMatchObject({ runnersOnline: 0, attemptsLive: 0 });
    expect(await output.closeCode()).toBe(4010);
    runner.ws.resume();
    expect(await runner.told("retired")).toMatchObject({ reason: "stolen" });
    expect(runner.heard("renewed")).toEqual([]);
    expect((await rig.step(run.id, "work")).attempts).toMatchObject([{ status: "lost" }]);
    expect(await rig.store.all("SELECT 1 FROM output_segments")).toEqual([]);

    await using back = new LinkedRunner(server.url);
    await back.greet(identity);
    expect(await back.told("refused")).toMatchObject({ code: "RETIRED" });
  });

  it("gives a runner the labels that it was enrolled with, and those only", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using plain = await LinkedRunner.connect(server.url, await enrol(rig), {
      capabilities: { providers: [], features: [], labels: { trust: "high" } } as never,
    });
    await rig.createRun(["secret"], { requires: { labels: { trust: "high" } } });
    await rig.settle();
    expect(plain.heard("offer")).toEqual([]);

    await using trusted = await LinkedRunner.connect(server.url, await enrol(rig, { trust: "high" }));

    expect((await trusted.told("offer")).step).toBe("secret");
  });

  it("shows what a runner can do now, and not what it could when it was enrolled", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);

    await using _ = await LinkedRunner.connect(server.url, identity, {
      capabilities: { providers: ["codex"], features: ["sandbox"] },
    });

    await rig.pass(limit("runner.offlineMs") / 2);

    const { capabilities } = dataOf(await rig.plane.runners.getRunner(identity.runnerId));
    expect(capabilities).toEqual({ providers: ["codex"], features: ["sandbox"], maxConcurrentSessions: 5 });
  });

  it("of a runner that was draining when it went finds it draining when it comes", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    {
      await using runner = await LinkedRunner.connect(server.url, identity);
      dataOf(await rig.plane.runners.drainRunner(identity.runnerId));
      await runner.told("draining");
    }
    await eventually(() => rig.plane.stats().runnersOnline === 0);

    await using back = await LinkedRunner.connect(server.url, identity);
    await rig.createRun(["work"]);
    await rig.settle();
    expect(back.heard("offer")).toEqual([]);
    dataOf(await rig.plane.runners.resumeRunner(identity.runnerId));

    expect((await back.told("offer")).step).toBe("work");
  });

  it("takes work back that it had offered to a runner that went", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const other = await rig.runner({ slots: 1 });
    const gone = await LinkedRunner.connect(server.url, await enrol(rig));
    await rig.createRun(["work"]);
    await gone.told("offer");

    gone.ws.terminate();

    expect((await other.grant()).envelope.step).toBe("work");
  });

  it("closes with word of when to come again when the server stops, and takes no new ones", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    await using runner = await LinkedRunner.connect(server.url, identity);

    await rig.plane.drain();
    await using late = new LinkedRunner(server.url);

    expect(await runner.told("refused")).toMatchObject({ code: "SHUTTING_DOWN", retryAfterMs: expect.any(Number) });
    await eventually(() => runner.closed);
    expect(await late.closeCode()).toBe(1012);
  });

  it("is at its path only", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using elsewhere = new Socket(`${server.url}/runner/v1/other`, "signalbox.control.v1");
    await using withQuery = new Socket(`${server.url}${RUNNER_PATHS.control}?x=1`, "signalbox.control.v1");

    await eventually(() => elsewhere.closed && withQuery.messages.length === 1);
    expect(elsewhere.messages).toEqual([]);
  });
});

describe("the output channel", () => {
  it("stores frames in order and acknowledges what is durable", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));
    const run = await rig.createRun(["work"]);
    const grant = await takeWork(runner);
    await using output = await runner.openOutput();

    output.send(frame(grant, "hello "));
    output.send(frame(grant, "world", { offset: 6 }));

    await eventually(
      () => output.answers.at(-1)?.type === "ack" && (output.answers.at(-1) as { offset: number }).offset === 11,
    );
    const stored = await rig.store.all<{ bytes: Uint8Array }>(
      "SELECT bytes FROM output_segments WHERE run_id = ? ORDER BY seq",
      run.id,
    );
    expect(Buffer.concat(stored.map(({ bytes }) => bytes)).toString()).toBe("hello world");
  });

  it("acknowledges what comes again, and asks for what is missing", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));
    await rig.createRun(["work"]);
    const grant = await takeWork(runner);
    await using output = await runner.openOutput();
    const told = async (message: Uint8Array) => {
      const before = output.answers.length;
      output.send(message);
      return eventually(() => output.answers[before]);
    };

    expect(await told(frame(grant, "hello"))).toMatchObject({ type: "ack", offset: 5 });
    expect(await told(frame(grant, "hello"))).toMatchObject({ type: "ack", offset: 5 });
    expect(await told(frame(grant, "!", { offset: 9 }))).toMatchObject({ type: "expect", offset: 5 });
    expect(await told(frame(grant, "lo wor", { offset: 3 }))).toMatchObject({ type: "ack", offset: 9 });
    expect(await rig.store.all("SELECT start, length FROM output_segments ORDER BY seq")).toEqual([
      { start: 0, length: 5 },
      { start: 5, length: 4 },
    ]);
  });

  it("asks a runner to wait when the store cannot take it", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));
    await rig.createRun(["work"]);
    const grant = await takeWork(runner);
    await using output = await runner.openOutput();
    rig.failOnce("appendOutput", new StorageFullError("no room"));

    output.send(frame(grant, "hello"));
    await eventually(() => output.answers[0]?.type === "pause");
    output.send(frame(grant, "hello"));

    expect(await eventually(() => output.answers[1])).toMatchObject({ type: "ack", offset: 5 });
  });

  // Red without the comparison of `crc32`.
  it.each([
    ["a damaged frame", (grant: StartGrant) => frame(grant, "hello", { crc32: 1 })],
    ["half a frame", (grant: StartGrant) => frame(grant, "hello").subarray(0, 20)],
    ["a text", () => "hello"],
  ])("closes on %s", async (_, damaged) => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));
    await rig.createRun(["work"]);
    const grant = await takeWork(runner);
    await using output = await runner.openOutput();

    output.send(damaged(grant));

    expect(await output.closeCode()).toBe(4003);
    expect(await rig.store.all("SELECT 1 FROM output_segments")).toEqual([]);
  });

  it("fences who writes to an attempt that is another's", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using holder = await LinkedRunner.connect(server.url, await enrol(rig));
    await rig.createRun(["work"]);
    const grant = await takeWork(holder);
    await using thief = await LinkedRunner.connect(
      server.url,
      await enrol(rig, {}, caller(["admin"], { orgId: "other" })),
    );
    await using output = await thief.openOutput();

    output.send(frame(grant, "forged"));

    await eventually(() => output.answers[0]?.type === "fenced");
    expect(await rig.store.all("SELECT 1 FROM output_segments")).toEqual([]);
  });

  it("opens for the token of a connection that lives, and for nothing else", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const runner = await LinkedRunner.connect(server.url, await enrol(rig));
    const { connectionToken } = await runner.told("welcome");
    const refused = async (token?: string) => {
      await using socket = new OutputSocket(server.url, token);
      return await eventually(() => socket.refusedWith);
    };

    expect([await refused(), await refused("nonsense"), await refused(`${connectionToken}x`)]).toEqual([401, 401, 401]);
    await using open = await runner.openOutput();
    expect(open.refusedWith).toBeUndefined();
    runner.ws.terminate();
    expect(await open.closeCode()).toBe(4009);

    expect(await refused(connectionToken)).toBe(401);
  });

  it("is one for each connection: a newer one takes the place of the older", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    await using runner = await LinkedRunner.connect(server.url, await enrol(rig));

    await using older = await runner.openOutput();
    await using newer = await runner.openOutput();

    expect(await older.closeCode()).toBe(4009);
    expect(newer.closed).toBeUndefined();
  });
});

describe("blobs of runners", () => {
  it("are kept under the hash of what they hold, and read again", async () => {
    await using rig = await Rig.open();
    const { link } = rig.plane;
    const put = (sha256: string, text: string) =>
      link.putBlob(sha256, Readable.from([Buffer.from(text)]), { runnerId: "rnr" });

    expect(dataOf(await put(sha256Hex("a"), "a"))).toEqual({ sha256: sha256Hex("a"), bytes: 1 });
    expect((await put(sha256Hex("a"), "a")).success).toBe(true);
    expect((await put(sha256Hex("b"), "not b")).error?.code).toBe("VALIDATION_ERROR");
    expect((await put("../../etc/passwd", "x")).error?.code).toBe("VALIDATION_ERROR");
    expect(dataOf(await link.getBlob(sha256Hex("a"), { runnerId: "rnr" })).bytes).toBe(1);
    expect((await link.getBlob(sha256Hex("b"), { runnerId: "rnr" })).error?.code).toBe("FILE_NOT_FOUND");
    expect((await link.getBlob("x", { runnerId: "rnr" })).error?.code).toBe("VALIDATION_ERROR");
  });
});
