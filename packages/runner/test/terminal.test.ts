import { readdirSync, readlinkSync } from "node:fs";

import type { TerminalCommand, TerminalSize } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import xterm from "@xterm/headless";
import { describe, expect, it } from "vitest";

import type { FakeAttempt, FakeControlPlane } from "./_support/fake-control-plane.ts";
import { startFleet } from "./_support/fleet.ts";
import { grantOf, type GrantInput } from "./_support/grants.ts";
import { isAlive } from "./_support/processes.ts";

const SIZE: TerminalSize = { columns: 80, rows: 24 };

/** A command in a terminal on a real runner, and what a person at a screen of that size sees. */
function openTerminal(fake: FakeControlPlane, shell: string, more: GrantInput = {}, size = SIZE) {
  const attempt = fake.offer(grantOf({ ...more, inputs: { shell, terminal: size } }));
  const tell = (command: TerminalCommand) =>
    fake.send({ type: "terminal_command", attemptId: attempt.grant.attemptId, epoch: 1, command });
  return {
    attempt,
    type: (text: string) => tell({ kind: "keys", bytes: Buffer.from(text).toString("base64") }),
    resize: (columns: number, rows: number) => tell({ kind: "resize", size: { columns, rows } }),
    text: () => fake.text(attempt, "terminal"),
    screen: () => screenOf(fake, attempt, size),
  };
}

async function screenOf(fake: FakeControlPlane, attempt: FakeAttempt, size: TerminalSize): Promise<string[]> {
  const screen = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true });
  await new Promise<void>((resolve) => screen.write(fake.output(attempt, "terminal"), resolve));
  const { active } = screen.buffer;
  return Array.from(
    { length: size.rows },
    (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
  );
}

describe.each(["auto", "none"] as const)("a command in a terminal (sandbox %s)", (sandbox) => {
  it("is at a terminal of the wanted size, reads what is typed, and ends with its own code", async () => {
    await using fleet = await startFleet({ sandbox });
    const terminal = openTerminal(
      fleet.fake,
      "test -t 0 && test -t 1 && stty size; read name; echo hello $name; exit 7",
    );
    await eventually(() => expect(terminal.text()).toContain("24 80"));

    terminal.type("Ada\r");

    expect(await fleet.fake.resultOf(terminal.attempt)).toMatchObject({ outcome: "failed", exitCode: 7 });
    expect((await terminal.screen()).slice(0, 3)).toEqual(["24 80", "Ada", "hello Ada"]);
    expect(fleet.fake.text(terminal.attempt)).toBe("");
  });

  it("hears of a new size, and of the keys that interrupt", async () => {
    await using fleet = await startFleet({ sandbox });
    const terminal = openTerminal(
      fleet.fake,
      "trap 'stty size' WINCH; trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.02; done",
    );
    await eventually(() => expect(terminal.text()).toContain("ready"));

    terminal.resize(100, 40);
    await eventually(() => expect(terminal.text()).toContain("40 100"));
    terminal.type("\u0003");

    expect(await fleet.fake.resultOf(terminal.attempt)).toMatchObject({ outcome: "succeeded" });
    expect(terminal.text()).toContain("interrupted");
  });

  it("has job control in an interactive shell", async () => {
    await using fleet = await startFleet({ sandbox });
    const terminal = openTerminal(fleet.fake, "exec bash --norc -i");
    await eventually(() => expect(terminal.text()).toMatch(/bash-[0-9.]+[$#] $/));

    terminal.type("sleep 1000\r");
    await eventually(() => expect(terminal.text()).toContain("sleep 1000\r\n"));
    terminal.type("\u001a");
    await eventually(() => expect(terminal.text()).toContain("Stopped"));
    terminal.type("fg\r");
    await eventually(() => expect(terminal.text()).toMatch(/fg\r\n[^]*sleep 1000\r\n/));
    terminal.type("\u0003");
    await eventually(() => expect(terminal.text()).toMatch(/\^C[^]*[$#] $/));
    terminal.type("exit 3\r");

    expect(await fleet.fake.resultOf(terminal.attempt)).toMatchObject({ exitCode: 3 });
    expect(terminal.text()).not.toContain("job control");
  });

  it("leaves nothing behind when it is cancelled, whatever heeds no signal in it", async () => {
    await using fleet = await startFleet({ sandbox });
    const stubborn = `trap '' TERM HUP INT; (setsid sh -c "trap '' TERM HUP; echo deep; sleep 1000") & echo ready; while :; do sleep 1; done`;
    const terminal = openTerminal(fleet.fake, stubborn, { cancelGraceMs: 200 });
    await eventually(() => expect(terminal.text()).toMatch(/ready[^]*deep|deep[^]*ready/));

    fleet.fake.send({ type: "cancel", attemptId: terminal.attempt.grant.attemptId, epoch: 1, mode: "cancel" });

    expect(await fleet.fake.resultOf(terminal.attempt)).toMatchObject({ outcome: "cancelled" });
    expect(await isAlive(terminal.attempt.grant.attemptId)).toBe(false);
  });
});

describe("a terminal on a runner", () => {
  it("passes on every byte as it is, however many and whatever they are", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const every = "node -e 'process.stdout.write(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))'";
    const terminal = openTerminal(fleet.fake, `stty raw; ${every}; head -c 10000000 /dev/zero`);

    await fleet.fake.resultOf(terminal.attempt, 30_000);

    const output = fleet.fake.output(terminal.attempt, "terminal");
    expect([...output.subarray(0, 256)]).toEqual(Array.from({ length: 256 }, (_, byte) => byte));
    expect(output.length).toBe(256 + 10_000_000);
    expect(output.subarray(256).every((byte) => byte === 0)).toBe(true);
  });

  it("makes a flooding program wait while its output is not acknowledged, and loses nothing of it", async () => {
    await using fleet = await startFleet({ sandbox: "none", spool: { maxBytes: 4_000_000, pauseBytes: 500_000 } });
    const { fake } = fleet;
    fake.acknowledgesOutput = false;
    const terminal = openTerminal(fake, "stty raw; head -c 3000000 /dev/zero; printf end");
    await eventually(() => expect(fake.maxUnacknowledgedBytes).toBeGreaterThan(400_000));

    const atRest = await eventually(async () => {
      const before = fake.maxUnacknowledgedBytes;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return fake.maxUnacknowledgedBytes === before && before;
    });
    fake.answerHeld();

    expect(atRest).toBeLessThan(1_100_000);
    await fake.resultOf(terminal.attempt);
    expect(fake.output(terminal.attempt, "terminal").length).toBe(3_000_003);
    expect(terminal.text().endsWith("end")).toBe(true);
  });

  it("keeps secrets back, also those that are shown in pieces", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const secrets = [{ name: "TOKEN", value: "hunter2-hunter2" }];
    const terminal = openTerminal(fleet.fake, `printf hunter2; sleep 0.1; printf -- '-hunter2 done'`, { secrets });

    await fleet.fake.resultOf(terminal.attempt);

    expect(terminal.text()).toBe("[redacted:TOKEN] done");
  });

  it("goes on with everything else while a program does not read what is typed", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const deaf = openTerminal(fleet.fake, "stty raw -echo; printf ready; sleep 1000");
    await eventually(() => expect(deaf.text()).toBe("ready"));

    for (let count = 0; count < 20; count++) deaf.type("x".repeat(60_000));
    const other = openTerminal(fleet.fake, "echo here");

    expect(await fleet.fake.resultOf(other.attempt)).toMatchObject({ outcome: "succeeded" });
    expect(other.text()).toBe("here\r\n");
  });

  it("is no terminal of any other command", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const first = openTerminal(fleet.fake, "printf ready; sleep 1000");
    await eventually(() => expect(first.text()).toBe("ready"));

    const [plain, second] = [
      fleet.fake.offer(grantOf({ inputs: { shell: "ls -l /proc/self/fd; tty" } })),
      openTerminal(fleet.fake, "ls -l /proc/self/fd"),
    ];
    await Promise.all([fleet.fake.resultOf(plain), fleet.fake.resultOf(second.attempt)]);

    expect(fleet.fake.text(plain)).toContain("not a tty");
    expect(fleet.fake.text(plain) + second.text()).not.toContain("ptmx");
  });

  it("has the size that somebody gave it before it began", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const terminal = openTerminal(fleet.fake, "stty size; sleep 0.1; stty size");
    await eventually(() => expect(fleet.fake.of("accept")).toHaveLength(1));

    terminal.resize(132, 43);

    await fleet.fake.resultOf(terminal.attempt);
    expect(terminal.text()).toMatch(/43 132\r\n$/);
  });

  it("refuses a program that is not there by its name", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const inputs = { argv: ["no-such-program"], terminal: SIZE };

    const result = await fleet.fake.resultOf(fleet.fake.offer(grantOf({ inputs })));

    expect(result).toMatchObject({ outcome: "failed", reason: "missing_dependency" });
  });

  it("holds no descriptors when its command is over", async () => {
    await using fleet = await startFleet({ sandbox: "none" });
    const open = () => readdirSync("/proc/self/fd").map((fd) => targetOf(`/proc/self/fd/${fd}`));
    const run = async () => fleet.fake.resultOf(openTerminal(fleet.fake, "echo one").attempt);
    await run();

    for (let count = 0; count < 5; count++) await run();

    await eventually(() => expect(open().filter((target) => target.includes("/pt"))).toEqual([]));
  });
});

/** What a descriptor stands for; it may be gone by now. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
