import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { eventually, ManualClock, tempDir } from "@signalbox/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { AttemptProcess } from "./attempt-process.ts";
import type { AttemptProcessSettings } from "./attempt-process.ts";
import { systemClock } from "./clock.ts";
import { killTree } from "./kill-tree.ts";
import { lostTree } from "./process-tree.ts";

/** In the environment of every script here: a loop that neither ends nor obeys. Run with a token, to be told by it. */
const STUBBORN = `trap "" TERM; while :; do sleep 1; done`;

/** Each way to outlive an attempt that needs no rights, leaving stubborn shells with the token in their command line. */
const HOSTILE = {
  "ignores TERM": (token: string) => `trap "" TERM; sh -c "$STUBBORN" ${token}`,
  "detaches by double fork and setsid": (token: string) =>
    `setsid sh -c 'setsid sh -c "$STUBBORN" ${token} &'; sleep 1000`,
  "leaves an orphan in a session of its own": (token: string) => `(setsid sh -c "$STUBBORN" ${token} &); sleep 1000`,
  "wipes the environment of a child": (token: string) => `env -i PATH=$PATH setsid sh -c "$STUBBORN" ${token} & wait`,
  "stops itself": (token: string) => `sh -c "$STUBBORN" ${token} & kill -STOP $!; kill -STOP $$`,
};

describe("AttemptProcess", () => {
  it("tells the exit code when the process has ended and its output has been read", async () => {
    const attempt = await start("printf out; printf err >&2; exit 3");

    const [stdout, stderr, exit] = await Promise.all([
      textOf(attempt.stdout.bytes),
      textOf(attempt.stderr.bytes),
      attempt.exited,
    ]);

    expect({ stdout, stderr }).toEqual({ stdout: "out", stderr: "err" });
    expect(exit).toEqual({ exitCode: 3, signal: null, timedOut: false, drained: true, survivors: [] });
  });

  it("tells the signal that ended the process", async () => {
    const attempt = await start("kill -SEGV $$");

    expect(await attempt.exited).toMatchObject({ exitCode: null, signal: "SIGSEGV", drained: true });
  });

  it("gives the process the environment it is told, its marker, and nothing else", async () => {
    const attempt = await start("", { command: { argv: ["/usr/bin/env"], env: { NAMED: "yes" }, cwd: "/" } });

    const lines = (await textOf(attempt.stdout.bytes)).trim().split("\n");

    expect(lines.sort()).toEqual(["NAMED=yes", expect.stringMatching(/^SIGNALBOX_ATTEMPT=att_/)]);
  });

  it("passes bytes on as they are, half characters included", async () => {
    const attempt = await start(`printf '\\342\\202'; printf '\\254\\377\\000x'`);

    const bytes = await bytesOf(attempt.stdout.bytes);

    expect([...bytes]).toEqual([0xe2, 0x82, 0xac, 0xff, 0x00, 0x78]);
  });

  it("makes a flooding process wait while nobody reads", async () => {
    await using dir = await tempDir();
    const progress = dir.file("progress");
    const attempt = await start(`i=0; while :; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > ${progress}; done`);
    const chunks = () => Number(readFileSync(progress, "utf8"));

    const atRest = await eventually(async () => isAtRest(chunks));
    attempt.stdout.bytes.resume();

    expect(atRest).toBeLessThan(20);
    await eventually(() => chunks() > atRest + 100);
  });

  it("goes on while a process that has closed its output still runs", async () => {
    const attempt = await start("exec >&- 2>&-; read go; exit 7", { stdin: "pipe" });

    await Promise.all([attempt.stdout.ended, attempt.stderr.ended]);
    attempt.stdin?.end("go\n");

    expect(await attempt.exited).toMatchObject({ exitCode: 7, drained: true });
  });

  it("waits no longer than the drain time for a pipe that a grandchild holds open, and says so", async () => {
    const clock = new ManualClock();
    const token = randomUUID();
    const attempt = await start(`echo before; sh -c "$STUBBORN" ${token} & exit 0`, { clock, drainMs: 5000 });
    const reading = textOf(attempt.stdout.bytes);
    await eventually(() => clock.pendingTimers > 0 && living(token).length > 0);

    clock.advance(5000);
    const exit = await advanceUntil(clock, attempt.exited);

    expect(exit).toMatchObject({ exitCode: 0, drained: false, survivors: [] });
    expect(await reading).toBe("before\n");
    expect(living(token)).toEqual([]);
  });

  it("waits for output that a short-lived grandchild still writes", async () => {
    await using dir = await tempDir();
    const gate = dir.file("gate");
    const attempt = await start(`mkfifo ${gate}; (read go < ${gate}; echo late) & exit 0`);
    const reading = textOf(attempt.stdout.bytes);

    await eventually(() => isAlive(attempt.pid) === false);
    await writeFile(gate, "go\n");

    expect(await reading).toBe("late\n");
    expect(await attempt.exited).toMatchObject({ exitCode: 0, drained: true });
  });

  it("lets a process that heeds TERM end by itself", async () => {
    const attempt = await start(`trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done`);
    const output = attempt.stdout.bytes[Symbol.asyncIterator]();
    await output.next();

    const exit = await attempt.terminate(60_000);

    expect(exit).toMatchObject({ exitCode: 5, drained: true, survivors: [] });
    expect(String((await output.next()).value)).toBe("bye\n");
  });

  // Seen red without the marker (double fork, orphan), without the walk down from parents (wiped environment) and
  // with a signal to the process group only (all but the first and the last).
  it.each(Object.entries(HOSTILE))("leaves nothing alive of a process that %s", async (_, script) => {
    const token = randomUUID();
    const attempt = await start(script(token));
    attempt.stdout.bytes.resume();
    await eventually(() => hasBegun(token));
    const begunMs = performance.now();

    const exit = await attempt.terminate(50);

    expect(living(token)).toEqual([]);
    expect(exit.survivors).toEqual([]);
    expect(performance.now() - begunMs).toBeLessThan(2000);
  });

  it("kills what a process leaves behind when it ends by itself", async () => {
    const token = randomUUID();
    const attempt = await start(`(setsid sh -c "$STUBBORN" ${token} >&- 2>&- &) ; exit 0`);

    const exit = await attempt.exited;

    expect(exit).toMatchObject({ exitCode: 0, drained: true, survivors: [] });
    expect(living(token)).toEqual([]);
  });

  it("touches no process of another attempt", async () => {
    const token = randomUUID();
    const other = await start(`sh -c "$STUBBORN" ${token}`);
    await eventually(() => hasBegun(token));
    const attempt = await start("sleep 1000");

    await attempt.terminate(0);

    expect(living(token)).not.toEqual([]);
    await other.terminate(0);
  });

  it("ends an attempt at its timeout", async () => {
    const clock = new ManualClock();
    const attempt = await start(`trap "" TERM; echo ready; while :; do sleep 0.01; done`, {
      clock,
      timeoutMs: 60_000,
      graceMs: 1000,
    });
    await attempt.stdout.bytes[Symbol.asyncIterator]().next();

    clock.advance(60_000);
    const exit = await advanceUntil(clock, attempt.exited);

    expect(exit).toMatchObject({ signal: "SIGKILL", timedOut: true, survivors: [] });
  });

  it("refuses a program that is missing or may not be run, and a missing directory, each by its name", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("plain"), "text");
    await chmod(dir.file("plain"), 0o644);
    const command = { argv: [dir.file("absent")], env: {}, cwd: dir.path };

    await expect(start("", { command })).rejects.toMatchObject({ code: "missing_dependency", isRetryable: false });
    await expect(start("", { command: { ...command, argv: [dir.file("plain")] } })).rejects.toMatchObject({
      code: "permission_error",
    });
    await expect(start("", { command: { ...command, cwd: dir.file("gone") } })).rejects.toMatchObject({
      code: "missing_directory",
    });
  });
});

async function start(script: string, settings: Partial<AttemptProcessSettings> = {}): Promise<AttemptProcess> {
  const attemptId = `att_${randomUUID()}`;
  const attempt = await AttemptProcess.spawn({
    attemptId,
    command: { argv: ["/bin/sh", "-c", script], env: { PATH: "/usr/bin:/bin", STUBBORN }, cwd: "/" },
    clock: systemClock,
    ...settings,
  });
  // On the system's clock, whatever clock the test moves by hand.
  onTestFinished(async () => void (await killTree({ root: lostTree(attemptId), clock: systemClock })));
  return attempt;
}

/** Pids of living processes with the token in their command line: a look of its own, not the one under test. */
function living(token: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readText(`/proc/${pid}/cmdline`).includes(token))
    .map(Number);
}

/** Whether the script has come to its child: a stubborn shell, with the token as an argument of its own, or what is to become one. */
function hasBegun(token: string): boolean {
  const pids = living(token);
  return pids.length > 1 || pids.some((pid) => readText(`/proc/${pid}/cmdline`).split("\0").includes(token));
}

function isAlive(pid: number): boolean {
  return readText(`/proc/${pid}/cmdline`) !== "";
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

async function textOf(stream: Readable): Promise<string> {
  return (await bytesOf(stream)).toString();
}

/** The count once it stands still for 100 ms; undefined while it still moves. */
async function isAtRest(count: () => number): Promise<number | undefined> {
  const before = count();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return before > 0 && count() === before ? before : undefined;
}

/** Moves a manual clock in small steps of real time until `outcome` is there. */
async function advanceUntil<T>(clock: ManualClock, outcome: Promise<T>): Promise<T> {
  let done = false;
  void outcome.finally(() => (done = true));
  await eventually(() => {
    clock.advance(100);
    return done;
  });
  return outcome;
}
