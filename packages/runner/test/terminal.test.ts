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
