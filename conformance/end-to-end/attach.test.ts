import { readFile } from "node:fs/promises";

import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Attached } from "../_support/attached.ts";
import { runCli } from "../_support/run-cli.ts";
import { startDevEnv, type DevEnv } from "../dev-env.ts";

const TUI = new URL("../_support/tui.mjs", import.meta.url);
/** What a terminal says of itself when it is as it was. */
const SETTINGS = "stty -a | tr ';' '\\n' | grep -oE '[-]?(icanon|echo) '";

/** Programs start with 80 columns; only who has the keyboard gives a program another size, and what they type arrives. */
const WITH_KEYBOARD = "TUI 81x24";

describe("signalbox attach", () => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv();
  });
  afterAll(() => env[Symbol.asyncDispose]());

  async function start(inputs: Record<string, unknown>): Promise<string> {
    const terminal = { columns: 80, rows: 24 };
    const steps = [{ name: "work", tool: "command", inputs: { ...inputs, terminal } }];
    return (await env.client.runs.create({ plan: { goal: "a terminal", steps } })).id;
  }

  const startTui = async () => start({ argv: ["node", "-e", await readFile(TUI, "utf8")] });

  it("shows a program's screen in the size of this one, types into it, and ends with its code", async () => {
    const runId = await startTui();
    await using attached = new Attached(env.server, [runId], { columns: 100, rows: 30, after: SETTINGS });
    await eventually(() => expect(attached.lines()[0]).toBe("TUI 100x30"));
    expect(attached.isAlternate).toBe(true);

    attached.type("hé\u0003");
    await eventually(() => expect(attached.lines()[2]).toBe("keys: hé^C"));
    expect(attached.lines()[29]).toBe("bottom line ✓");
    attached.type("q");

    expect(await attached.ended).toBe(5);
    expect(attached.isAlternate).toBe(false);
    expect(attached.text()).toMatch(/^icanon\s+echo/m);
  });

  it("leaves by its key, puts the terminal back, and shows the last screen to who comes back", async () => {
    const runId = await startTui();
    await using first = new Attached(env.server, [runId, "--detach-key", "ctrl-o"], { columns: 81, after: SETTINGS });
    await eventually(() => expect(first.lines()[0]).toBe(WITH_KEYBOARD));
    first.type("abc");
    await eventually(() => expect(first.lines()[2]).toBe("keys: abc"));

    first.type("\u000f");

    expect(await first.ended).toBe(0);
    expect(first.isAlternate).toBe(false);
    expect(first.text()).toMatch(/^icanon\s+echo/m);
    await using second = new Attached(env.server, [runId], { columns: 90, rows: 20 });
    await eventually(() => expect(second.lines()[0]).toBe("TUI 90x20"));
    expect(second.lines()[2]).toBe("keys: abc");
    second.type("!");
    expect(await second.ended).toBe(6);
    expect(second.isAlternate).toBe(false);
  });

  it("types nothing with --watch", async () => {
    const runId = await startTui();
    await using watcher = new Attached(env.server, [runId, "--watch"]);
    await eventually(() => expect(watcher.lines()[0]).toBe("TUI 80x24"));

    watcher.type("x\r");
    await using writer = new Attached(env.server, [runId], { columns: 81 });
    await eventually(() => expect(writer.lines()[0]).toBe(WITH_KEYBOARD));
    writer.type("y");

    await eventually(() => expect(watcher.text()).toContain("keys: y"));
    writer.type("q");
    expect(await Promise.all([watcher.ended, writer.ended])).toEqual([5, 5]);
  });

  it("watches while somebody else types, and gets the keyboard after them", async () => {
    const runId = await startTui();
    await using first = new Attached(env.server, [runId], { columns: 81 });
    await eventually(() => expect(first.lines()[0]).toBe(WITH_KEYBOARD));
    await using second = new Attached(env.server, [runId]);
    await eventually(() => expect(second.raw).toContain("somebody else has the keyboard"));

    second.type("lost");
    first.type("a\u001d");
    await first.ended;
    await eventually(() => expect(second.raw).toContain("the keyboard is yours"));
    second.type("b");

    await eventually(() => expect(second.lines()[2]).toBe("keys: ab"));
    second.type("q");
    expect(await second.ended).toBe(5);
  });

  it("says what has no terminal", async () => {
    const run = await env.client.runs.create({ command: "true" });
    await using attached = new Attached(env.server, [run.id]);

    expect(await attached.ended).toBe(1);
    expect(attached.text()).toContain("no step of");
  });

  it("joins the shell beside the agent of a session that the command line opened, unless it was opened without", async () => {
    const open = async (...more: string[]) => {
      const line = ["session", "new", "-p", "scripted", "--interactive", "--detach", ...more, "say hello"];
      return (await runCli(env.server, line)).trim();
    };
    await using attached = new Attached(env.server, [await open()]);
    await eventually(() => expect(attached.text()).toMatch(/[$#]\s*$/));
    // What is typed before the keyboard is this one's goes nowhere.
    await eventually(
      () => {
        attached.type("echo made-$((6*7))\r");
        expect(attached.lines()).toContain("made-42");
        return true;
      },
      { everyMs: 300 },
    );
    attached.type("\u001d");
    expect(await attached.ended).toBe(0);

    await using without = new Attached(env.server, [await open("--no-terminal")]);
    expect(await without.ended).toBe(1);
    expect(without.text()).toContain("has no terminal");
  });
});
