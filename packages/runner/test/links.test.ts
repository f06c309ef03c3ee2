import { sha256Hex } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import { stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { startFleet } from "./_support/fleet.ts";
import { shell } from "./_support/grants.ts";
import { isAlive } from "./_support/processes.ts";

describe("the control channel", () => {
  it("comes back after every loss of the connection, and the work goes on", async () => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(
      shell("echo up; while ! [ -e go ]; do sleep 0.02; done; echo done", { envelope: { sandbox: "none" } }),
    );
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    for (let loss = 0; loss < 3; loss++) {
      const before = fleet.fake.connections;
      fleet.fake.dropConnections();
      await eventually(() => fleet.fake.connections > before && fleet.runner.status().isConnected);
    }

    const hello = fleet.fake.of("hello").at(-1);
    expect(hello?.attempts).toEqual([{ attemptId: attempt.grant.attemptId, epoch: 1, state: "live" }]);
    expect(await isAlive(attempt.grant.attemptId)).toBe(true);
  });

  it("dials again when the control plane falls silent on an open socket", async () => {
    await using fleet = await startFleet({}, (fake) => (fake.intervals = { ...fake.intervals, heartbeatMs: 50 }));

    fleet.fake.freeze();

    await eventually(() => !fleet.runner.status().isConnected);
    fleet.fake.thaw();
    expect(await eventually(() => fleet.runner.status().isConnected)).toBe(true);
  });

  it("waits at least as long as the control plane asks", async () => {
    await using fleet = await startFleet({ random: () => 0 });
    fleet.fake.refusal = { type: "refused", code: "BUSY", message: "later", retryAfterMs: 400 };
    fleet.fake.dropConnections();
    await eventually(() => fleet.fake.refusals === 1);

    fleet.fake.refusal = undefined;
    await eventually(() => fleet.runner.status().isConnected);

    const [refusedAt = 0, cameBackAt = 0] = fleet.fake.connectedAtMs.slice(-2);
    expect(cameBackAt - refusedAt).toBeGreaterThan(395);
  });

  it.each([
    ["it is retired", { type: "retired", reason: "sold" } as const, "retired"],
    ["its key is refused", { type: "refused", code: "UNAUTHORIZED", message: "unknown key" } as const, "refused"],
    [
      "another process has its place",
      { type: "refused", code: "FENCED", message: "newer connection" } as const,
      "fenced",
    ],
  ])("ends for good when %s", async (_name, message, cause) => {
    await using fleet = await startFleet();
    const before = fleet.fake.connections;

    fleet.fake.send(message);

    expect(await fleet.runner.ended).toMatchObject({ cause });
    expect(fleet.fake.connections).toBe(before);
  });

  it("ends for good when the upgrade is answered with 401", async () => {
    await using fleet = await startFleet();

    fleet.fake.upgradeStatus = 401;
    fleet.fake.dropConnections();

    expect(await fleet.runner.ended).toMatchObject({ cause: "refused" });
  });
});

describe("the output channel", () => {
  it("delivers every byte once, over lost connections and in the right order", async () => {
    await using fleet = await startFleet();
    const script = "for (let i = 0; i < 60000; i++) console.log(`line ${i} ${'x'.repeat(i % 50)}`)";
    const expected = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${"x".repeat(i % 50)}\n`).join("");

    const attempt = fleet.fake.offer(shell(`node -e "$SCRIPT"`, { environment: { SCRIPT: script } }));
    for (let loss = 1; loss <= 5; loss++) {
      await eventually(() => fleet.fake.output(attempt).length > (loss * expected.length) / 8 || attempt.result);
      if (loss % 2) fleet.fake.dropOutput();
      else fleet.fake.dropConnections();
    }
    const result = await fleet.fake.resultOf(attempt);

    expect(result.outcome).toBe("succeeded");
    expect(sha256Hex(fleet.fake.output(attempt))).toBe(sha256Hex(expected));
    expect(result.streams).toEqual([{ stream: "stdout", length: expected.length, sha256: sha256Hex(expected) }]);
  });

  it("sends no more than the window before something is acknowledged, and then the rest", async () => {
    await using fleet = await startFleet(
      {},
      (fake) => (fake.intervals = { ...fake.intervals, windowBytes: 100_000, frameBytes: 30_000 }),
    );
    fleet.fake.acknowledgesOutput = false;

    const attempt = fleet.fake.offer(shell("head -c 1000000 /dev/zero"));
    await eventually(() => fleet.fake.maxUnacknowledgedBytes === 100_000);
    fleet.fake.answerHeld();
    await fleet.fake.resultOf(attempt);

    expect(fleet.fake.maxUnacknowledgedBytes).toBe(100_000);
    expect(fleet.fake.output(attempt).length).toBe(1_000_000);
  });

  it("makes the process wait while the spool is half full, and loses nothing", async () => {
    await using fleet = await startFleet({ spool: { maxBytes: 32_000_000, pauseBytes: 2_000_000 } });
    fleet.fake.acknowledgesOutput = false;
    const attempt = fleet.fake.offer(shell("head -c 20000000 /dev/zero; echo written >&2"));
    await eventually(() => fleet.fake.maxUnacknowledgedBytes >= 1_048_576);
    expect(fleet.fake.text(attempt, "stderr")).toBe("");

    fleet.fake.answerHeld();
    const result = await fleet.fake.resultOf(attempt);

    expect(result.outcome).toBe("succeeded");
    expect(fleet.fake.output(attempt).equals(Buffer.alloc(20_000_000))).toBe(true);
  });

  it("tells readers by a gap what a full spool did not take", async () => {
    await using fleet = await startFleet({ spool: { maxBytes: 500_000, pauseBytes: Number.POSITIVE_INFINITY } });
    fleet.fake.acknowledgesOutput = false;

    const attempt = fleet.fake.offer(shell("head -c 3000000 /dev/zero"));
    await eventually(() => fleet.fake.of("finish").length > 0);
    fleet.fake.answerHeld();
    const result = await fleet.fake.resultOf(attempt);

    const stored = attempt.streams.get("stdout");
    expect(result.streams[0]?.length).toBe(3_000_000);
    expect(stored?.offset).toBe(3_000_000);
    expect(stored?.gaps.length).toBeGreaterThan(0);
    const lost = stored?.gaps.reduce((sum, { length }) => sum + length, 0) ?? 0;
    expect(fleet.fake.output(attempt).length + lost).toBe(3_000_000);
  });

  it("keeps no more of an attempt than the grant allows, and says what is missing", async () => {
    await using fleet = await startFleet();

    const attempt = fleet.fake.offer(shell("head -c 50000 /dev/zero", { outputBytes: 20_000 }));
    const result = await fleet.fake.resultOf(attempt);

    expect(result.streams).toMatchObject([{ stream: "stdout", length: 50_000 }]);
    expect(attempt.streams.get("stdout")?.gaps).toMatchObject([{ offset: 20_000, length: 30_000 }]);
  });

  it("goes back to where the control plane says, and pauses when it asks", async () => {
    await using fleet = await startFleet();
    fleet.fake.acknowledgesOutput = false;
    fleet.fake.answersFinish = false;
    const attempt = fleet.fake.offer(shell("printf 0123456789"));
    await eventually(() => fleet.fake.text(attempt) === "0123456789" && fleet.fake.of("finish").length > 0);
    const { attemptId, epoch } = attempt.grant;

    fleet.fake.answerOutput({ type: "expect", attemptId, epoch, stream: "stdout", offset: 4 });
    await eventually(() => fleet.fake.duplicateFrames === 1);
    fleet.fake.answerOutput({ type: "pause", attemptId, epoch, retryAfterMs: 50 });
    await eventually(() => fleet.fake.duplicateFrames === 2);
    fleet.fake.answerHeld();

    expect((await fleet.fake.resultOf(attempt)).outcome).toBe("succeeded");
  });
});

describe("a result", () => {
  it("is repeated over lost connections until it is acknowledged", async () => {
    await using fleet = await startFleet();
    fleet.fake.answersFinish = false;
    const attempt = fleet.fake.offer(shell("echo hi"));
    await eventually(() => fleet.fake.of("finish").length > 0);

    const sent = fleet.fake.of("finish").length;
    fleet.fake.dropConnections();
    await eventually(() => fleet.fake.of("finish").length > sent);
    fleet.fake.answersFinish = true;
    fleet.fake.answerHeld();
    await fleet.fake.resultOf(attempt);

    await eventually(() => fleet.runner.status().attempts.length === 0);
    expect(new Set(fleet.fake.of("finish").map(({ result }) => JSON.stringify(result))).size).toBe(1);
  });

  it.each(["applied", "duplicate", "fenced", "unknown"] as const)(
    "is forgotten once it was answered with %s",
    async (verdict) => {
      await using fleet = await startFleet();
      fleet.fake.answersFinish = false;
      const attempt = fleet.fake.offer(shell("echo hi"));
      await eventually(() => fleet.fake.of("finish").length > 0);
      const { attemptId, epoch } = attempt.grant;

      fleet.fake.send({ type: "finish_ack", attemptId, epoch, verdict });

      expect(await eventually(() => fleet.runner.status().attempts.length === 0)).toBe(true);
    },
  );

  it("brings the output that the control plane lacks", async () => {
    await using fleet = await startFleet();
    fleet.fake.answersFinish = false;
    fleet.fake.acknowledgesOutput = false;
    const attempt = fleet.fake.offer(shell("printf 0123456789"));
    await eventually(() => fleet.fake.of("finish").length > 0 && fleet.fake.text(attempt) !== "");
    const stored = attempt.streams.get("stdout");
    if (stored) Object.assign(stored, { chunks: [Buffer.from("0123")], offset: 4 });
    const { attemptId, epoch } = attempt.grant;

    fleet.fake.answersFinish = true;
    fleet.fake.acknowledgesOutput = true;
    fleet.fake.send({
      type: "finish_ack",
      attemptId,
      epoch,
      verdict: "incomplete",
      missing: { blobs: [], streams: [{ stream: "stdout", offset: 4 }] },
    });

    await fleet.fake.resultOf(attempt);
    expect(fleet.fake.text(attempt)).toBe("0123456789");
  });
});

describe("a lease", () => {
  const short = (fake: { intervals: { renewMs: number } }) => (fake.intervals.renewMs = 100);

  it("is renewed for all attempts in one frame", async () => {
    await using fleet = await startFleet({}, short);
    const attempts = [1, 2, 3].map(() => fleet.fake.offer(shell("echo up; sleep 60", { leaseMs: 1_000 })));
    await eventually(() => attempts.every((attempt) => attempt.status === "running"));

    const before = fleet.fake.of("renew").length;
    await eventually(() => fleet.fake.of("renew").length > before + 12);

    expect(fleet.fake.of("renew").at(-1)?.attempts.length).toBe(3);
    for (const { grant } of attempts) expect(await isAlive(grant.attemptId)).toBe(true);
  });

  it("stops the work before it ends when the control plane cannot be reached", async () => {
    await using fleet = await startFleet({}, short);
    const leaseMs = 4_200;
    const sign = fleet.dir.file("sign-of-life");
    const text = `trap '' TERM; echo up; while :; do : > ${sign}; sleep 0.02; done`;
    const attempt = fleet.fake.offer(shell(text, { leaseMs, envelope: { sandbox: "none" } }));
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    fleet.fake.isReachable = false;
    fleet.fake.dropConnections();
    // The last renewal was sent before this moment, so its lease ends before this one's does.
    const cutAt = Date.now();
    await eventually(async () => !(await isAlive(attempt.grant.attemptId)));
    expect((await stat(sign)).mtimeMs - cutAt).toBeLessThan(leaseMs);

    fleet.fake.isReachable = true;
    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "interrupted", reason: "interrupted" });
  });

  it("lets the work go on without it when the step says so", async () => {
    await using fleet = await startFleet({}, short);
    const attempt = fleet.fake.offer(
      shell("echo up; sleep 1.2; echo done", { leaseMs: 400, envelope: { onDisconnect: "continue" } }),
    );
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    fleet.fake.isReachable = false;
    fleet.fake.dropConnections();
    await eventually(() => fleet.runner.status().attempts.some(({ state }) => state === "finished"));
    fleet.fake.isReachable = true;

    expect((await fleet.fake.resultOf(attempt)).outcome).toBe("succeeded");
    expect(fleet.fake.text(attempt)).toBe("up\ndone\n");
  });

  it.each([
    ["a renewal", (fake: Fake, id: string) => void (fake.attempts.get(id)!.verdict = "lost")],
    [
      "a word on the control channel",
      (fake: Fake, attemptId: string) => fake.send({ type: "fenced", attemptId, epoch: 1 }),
    ],
    [
      "the output channel",
      (fake: Fake, attemptId: string) => fake.answerOutput({ type: "fenced", attemptId, epoch: 1 }),
    ],
    [
      "the next welcome",
      (fake: Fake) => {
        fake.helloVerdict = () => "unknown";
        fake.dropConnections();
      },
    ],
  ])("that was given to another kills the work and drops its result: told by %s", async (_name, fence) => {
    await using fleet = await startFleet({}, short);
    const attempt = fleet.fake.offer(shell("echo up; while :; do sleep 0.02; done", { envelope: { sandbox: "none" } }));
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    fence(fleet.fake, attempt.grant.attemptId);

    await eventually(async () => !(await isAlive(attempt.grant.attemptId)));
    await eventually(() => fleet.runner.status().attempts.length === 0);
    expect(fleet.fake.of("finish")).toEqual([]);
  });

  it("of an older epoch changes nothing", async () => {
    await using fleet = await startFleet({}, short);
    const attempt = fleet.fake.offer({ ...shell("echo up; while :; do sleep 0.02; done"), epoch: 2 });
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    fleet.fake.send({ type: "fenced", attemptId: attempt.grant.attemptId, epoch: 1 });
    fleet.fake.send({ type: "probe", probeId: "after" });
    await eventually(() => fleet.fake.of("probe_ack").length === 1);

    expect(fleet.runner.status().attempts).toMatchObject([{ state: "running" }]);
  });
});

describe("a drain", () => {
  it("waits for the work, takes nothing new, and tells that the runner comes back", async () => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(shell("echo up; sleep 0.5; echo done"));
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    const draining = fleet.runner.drain({ timeoutMs: 10_000, comesBack: true });
    fleet.fake.offer(shell("true"));
    await draining;

    expect(attempt.result?.outcome).toBe("succeeded");
    expect(fleet.fake.of("drain")).toMatchObject([{ comesBack: true }]);
    expect(fleet.fake.of("decline").length).toBe(1);
  });

  it("stops what does not end in time, and reports it as interrupted", async () => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(shell("trap '' TERM; echo up; while :; do sleep 0.05; done"));
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    await fleet.runner.drain({ timeoutMs: 1_500, comesBack: true });

    expect(attempt.result).toMatchObject({ outcome: "interrupted", reason: "interrupted" });
  });
});

type Fake = Awaited<ReturnType<typeof startFleet>>["fake"];
