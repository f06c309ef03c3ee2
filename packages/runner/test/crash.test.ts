import { eventually, tempDir, type TempDir } from "@signalbox/testkit";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { shell } from "./_support/grants.ts";
import { isAlive } from "./_support/processes.ts";

const MAIN = join(import.meta.dirname, "../../../apps/runner/src/main.ts");

interface Daemon extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it said on its error output. */
  log(): string;
  kill(): Promise<void>;
}

/** The real daemon, as its own process. */
async function startDaemon(fake: FakeControlPlane, dir: TempDir, more: Record<string, string> = {}): Promise<Daemon> {
  const child = spawn(process.execPath, [MAIN, "--data-dir", dir.file("data")], {
    env: { PATH: process.env["PATH"], SIGNALBOX_URL: fake.url, SIGNALBOX_ENROLMENT_TOKEN: fake.token, ...more },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { child, log: () => log, kill, [Symbol.asyncDispose]: kill };
}

const HOSTILE =
  "trap '' TERM INT HUP; (setsid sh -c \"trap '' TERM HUP; while :; do sleep 9; done\" &); (while :; do sleep 9; done) & echo up; while :; do sleep 9; done";

describe("the runner, killed with -9", () => {
  it.each(["none", "required"] as const)(
    "leaves no process behind after two seconds, with sandbox %s",
    async (sandbox) => {
      await using fake = await FakeControlPlane.start();
      await using dir = await tempDir();
      await using daemon = await startDaemon(fake, dir);
      await eventually(() => fake.isConnected);
      const attempts = [1, 2, 3].map(() => fake.offer(shell(HOSTILE, { envelope: { sandbox } })));
      await eventually(() => attempts.every((attempt) => fake.text(attempt) === "up\n"));
      for (const { grant } of attempts) expect(await isAlive(grant.attemptId)).toBe(true);

      await daemon.kill();

      for (const { grant } of attempts) await eventually(async () => !(await isAlive(grant.attemptId)));
    },
  );

  it("amid a step: comes back, sends the output that is left, and reports the attempt as interrupted", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir);
    await eventually(() => fake.isConnected);
    fake.acknowledgesOutput = false;
    const attempt = fake.offer(shell("printf before; sleep 60"));
    await eventually(() => fake.text(attempt) === "before");

    await daemon.kill();
    const stored = attempt.streams.get("stdout");
    if (stored) Object.assign(stored, { chunks: [], offset: 0 });
    fake.acknowledgesOutput = true;
    await using _second = await startDaemon(fake, dir);
    const result = await fake.resultOf(attempt);

    expect(result).toMatchObject({ outcome: "interrupted", reason: "interrupted" });
    expect(fake.of("hello").at(-1)?.attempts).toMatchObject([
      { attemptId: attempt.grant.attemptId, epoch: 1, state: "interrupted" },
    ]);
    expect(fake.text(attempt)).toBe("before");
    await eventually(async () => (await readdir(dir.file("data", "spool"))).length === 0);
  });

  it("between a result and its answer: sends the same result again", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir);
    await eventually(() => fake.isConnected);
    fake.answersFinish = false;
    fake.acknowledgesOutput = false;
    const attempt = fake.offer(shell("printf all; exit 4"));
    await eventually(() => fake.of("finish").length > 0);
    const first = fake.of("finish")[0]?.result;

    await daemon.kill();
    attempt.streams.clear();
    fake.answersFinish = true;
    fake.acknowledgesOutput = true;
    await using _second = await startDaemon(fake, dir);

    expect(await fake.resultOf(attempt)).toEqual(first);
    expect(fake.of("hello").at(-1)?.attempts).toMatchObject([{ state: "finished" }]);
    expect(fake.text(attempt)).toBe("all");
  });

  it("forgets an attempt that the control plane does not know any more", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir);
    await eventually(() => fake.isConnected);
    const attempt = fake.offer(shell("printf up; sleep 60"));
    await eventually(() => fake.text(attempt) === "up");

    await daemon.kill();
    fake.attempts.clear();
    await using _second = await startDaemon(fake, dir);

    await eventually(async () => (await readdir(dir.file("data", "spool"))).length === 0);
    expect(fake.of("finish")).toEqual([]);
  });
});

describe("the runner as a daemon", () => {
  it("drains and ends with 0 on SIGTERM", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir);
    await eventually(() => fake.isConnected);
    const attempt = fake.offer(shell("echo up; sleep 0.4; echo done"));
    await eventually(() => fake.text(attempt) === "up\n");

    daemon.child.kill("SIGTERM");
    const [code] = await once(daemon.child, "exit");

    expect(code).toBe(0);
    expect(attempt.result?.outcome).toBe("succeeded");
  });

  it.each([
    ["a wrong token", { SIGNALBOX_ENROLMENT_TOKEN: "not-the-token-that-was-made" }, 3],
    ["no token at all", { SIGNALBOX_ENROLMENT_TOKEN: "" }, 2],
    ["a server elsewhere without TLS", { SIGNALBOX_URL: "http://signalbox.example" }, 2],
    ["slots that are no number", { SIGNALBOX_RUNNER_SLOTS: "many" }, 2],
    ["a policy that is not there", { SIGNALBOX_RUNNER_POLICY_FILE: "/no/such/file" }, 2],
  ])("says in one line what is wrong with %s, and ends", async (_name, environment, expected) => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir, { SIGNALBOX_LOG_LEVEL: "silent", ...environment });

    const [code] = await once(daemon.child, "exit");

    expect(code).toBe(expected);
    expect(daemon.log().trim().split("\n")).toHaveLength(1);
    expect(daemon.log()).toMatch(/^FATAL: /);
  });

  it("refuses to share its data with another", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using _first = await startDaemon(fake, dir);
    await eventually(() => fake.isConnected);
    await using second = await startDaemon(fake, dir, { SIGNALBOX_LOG_LEVEL: "silent" });

    const [code] = await once(second.child, "exit");

    expect(code).toBe(2);
    expect(second.log()).toContain("another runner");
  });

  it("ends with 3 when it is retired", async () => {
    await using fake = await FakeControlPlane.start();
    await using dir = await tempDir();
    await using daemon = await startDaemon(fake, dir);
    await eventually(() => fake.of("heartbeat").length > 0);

    fake.send({ type: "retired", reason: "sold" });
    const [code] = await once(daemon.child, "exit");

    expect(code).toBe(3);
    expect(daemon.log()).toContain("sold");
  });
});
