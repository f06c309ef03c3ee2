import { writeFile } from "node:fs/promises";

import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { TerminalClient } from "../_support/terminal-client.ts";

const SIZE = { columns: 80, rows: 24 };

describe("a command in a terminal", () => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv();
  });
  afterAll(() => env[Symbol.asyncDispose]());

  /** Starts a run of one command in a terminal. */
  async function start(shell: string): Promise<string> {
    const run = await env.client.runs.create({
      plan: { goal: "a terminal", steps: [{ name: "work", tool: "command", inputs: { shell, terminal: SIZE } }] },
    });
    return run.id;
  }

  it("is watched and typed into over the socket, and ends with its own code", async () => {
    const runId = await start("printf 'name? '; read name; echo hello $name; exit 3");
    await using client = await TerminalClient.connect(env.server, runId);
    client.watch();
    await eventually(() => expect(client.text).toBe("name? "));

    client.type("Ada\r");

    await eventually(() => expect(client.notes).toEqual(["keyboard:taken", "ended"]));
    expect(client.text).toBe("name? Ada\r\nhello Ada\r\n");
    expect((await env.client.runs.get(runId)).run).toMatchObject({ status: "failed" });
  });

  it("goes on for a watcher whose socket dropped where that had stopped, without a byte too few or too many", async () => {
    const runId = await start("i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i ünïcödé ✓ 😀; sleep 0.002; done");
    const pieces: string[] = [];
    let offset = 0;
    for (let drops = 0; drops < 8; drops++) {
      await using client = await TerminalClient.connect(env.server, runId);
      client.watch({ offset });
      await eventually(() => client.notes.includes("ended") || client.offset > offset);
      client.vanish();
      await client.closed;
      pieces.push(client.text);
      offset = Math.max(offset, client.offset);
    }
    await using last = await TerminalClient.connect(env.server, runId);
    last.watch({ offset });
    await eventually(() => expect(last.notes).toContain("ended"));
    await using whole = await TerminalClient.connect(env.server, runId);
    whole.watch();
    await eventually(() => expect(whole.notes).toContain("ended"));

    expect([...pieces, last.text].join("")).toBe(whole.text);
    const lines = Array.from({ length: 400 }, (_, index) => `line ${index + 1} ünïcödé ✓ 😀\r\n`);
    expect(whole.text).toBe(lines.join(""));
  });

  it("shows who asks for the end only that, whole characters first", async () => {
    const runId = await start("printf 'ä€😀ä€😀ä€😀'; sleep 60");
    await using first = await TerminalClient.connect(env.server, runId);
    first.watch();
    await eventually(() => expect(first.text).toBe("ä€😀ä€😀ä€😀"));

    const texts: string[] = [];
    for (const tail of [0, 1, 3, 4, 6, 7, 9, 27, 999]) {
      await using client = await TerminalClient.connect(env.server, runId);
      client.watch({ tail });
      await eventually(() => client.sizes.length > 0);
      texts.push(client.text);
    }

    expect(texts).toEqual(["", "", "", "😀", "😀", "€😀", "ä€😀", "ä€😀ä€😀ä€😀", "ä€😀ä€😀ä€😀"]);
    await env.client.runs.cancel(runId);
  });

  it("shows bytes that are no text, and never splits those that are", async () => {
    const runId = await start("printf 'a\\377\\376b\\303'; sleep 0.2; printf '\\251c\\360\\237'");
    await using client = await TerminalClient.connect(env.server, runId);
    client.watch();

    await eventually(() => expect(client.notes).toContain("ended"));

    expect(client.text).toBe("a\ufffd\ufffdbéc\ufffd");
    expect(client.offset).toBe(9);
  });

  it("passes escape sequences on as they are, whatever they ask for", async () => {
    const hostile =
      "\u001b]0;title\u0007\u001b]52;c;aGk=\u0007\u001b[2J\u001bP+q544e\u001b\\\\\u009b31m\u0000\u0008\u007f";
    const bytes = [...Buffer.from(hostile)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    const runId = await start(`printf '${bytes}'`);
    await using client = await TerminalClient.connect(env.server, runId);
    client.watch();

    await eventually(() => expect(client.notes).toContain("ended"));

    expect(client.text).toBe(hostile);
  });

  it("passes a flood without a line break on whole, to those who come late as well", async () => {
    const runId = await start("head -c 10000000 /dev/zero | tr '\\0' 'x'");
    await using early = await TerminalClient.connect(env.server, runId);
    early.watch();

    await eventually(() => expect(early.notes).toContain("ended"));
    await using late = await TerminalClient.connect(env.server, runId);
    late.watch();
    await eventually(() => expect(late.notes).toContain("ended"));

    for (const { text, offset } of [early, late]) {
      expect(offset).toBe(10_000_000);
      expect(text).toBe("x".repeat(10_000_000));
    }
  });

  it("has one writer at a time: of two who race one gets the keyboard, and the other when the first has vanished", async () => {
    const runId = await start("stty raw -echo; printf ready; exec cat");
    await using one = await TerminalClient.connect(env.server, runId);
    await using two = await TerminalClient.connect(env.server, runId);
    await using reader = await TerminalClient.connect(env.server, runId);
    for (const client of [one, two, reader]) client.watch();
    await eventually(() => expect([one.text, two.text, reader.text]).toEqual(["ready", "ready", "ready"]));

    one.take();
    two.take();
    await eventually(() => one.errors.length + two.errors.length > 0);
    const [writer, other] = one.errors.length === 0 ? [one, two] : [two, one];
    writer.type("mine");
    other.type("not mine");
    other.resize(10, 10);
    await eventually(() => expect(other.errors).toEqual(["TERMINAL_BUSY", "TERMINAL_BUSY", "TERMINAL_BUSY"]));
    await eventually(() => expect(reader.text).toBe("readymine"));
    expect(writer.errors).toEqual([]);
    writer.vanish();
    await eventually(() => expect(reader.notes).toEqual(["keyboard:taken", "keyboard:free"]));
    other.take();
    other.resize(132, 50);
    other.type("!");

    await eventually(() => expect(reader.text).toBe("readymine!"));
    await eventually(() => expect(reader.sizes).toEqual(["80x24", "132x50"]));
    await env.client.runs.cancel(runId);
  });

  it("is typed into by nobody who may only read", async () => {
    const { token } = await env.client.tokens.create({ name: "reader", scopes: ["sessions:read"] });
    const runId = await start("stty raw -echo; printf ready; exec cat");
    await using client = await TerminalClient.connect({ url: env.server.url, token }, runId);
    client.watch();
    await eventually(() => expect(client.text).toBe("ready"));

    client.take();
    client.type("x");
    client.resize(10, 10);

    await eventually(() => expect(client.errors).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]));
    expect(client.text).toBe("ready");
    await env.client.runs.cancel(runId);
  });

  it("says what there is no terminal of, and that nothing runs in one", async () => {
    const over = await start("true");
    const plain = (await env.client.runs.create({ command: "true" })).id;
    await env.client.runs.wait(over);
    await using nowhere = await TerminalClient.connect(env.server, "run_none");
    await using without = await TerminalClient.connect(env.server, plain);
    await using ended = await TerminalClient.connect(env.server, over);

    for (const client of [nowhere, without, ended]) client.type("x");

    await eventually(() =>
      expect([nowhere.errors, without.errors, ended.errors]).toEqual([
        ["SESSION_NOT_FOUND"],
        ["SESSION_NOT_FOUND"],
        ["INVALID_STATE"],
      ]),
    );
  });

  it("keeps what a watcher does not read away from the others", async () => {
    const runId = await start("yes 'the quick brown fox' | head -c 20000000");
    await using stalled = await TerminalClient.connect(env.server, runId);
    stalled.watch();
    stalled.stall();
    await using client = await TerminalClient.connect(env.server, runId);
    client.watch();

    await eventually(() => expect(client.notes).toContain("ended"), { timeoutMs: 40_000 });
    expect(stalled.notes).toEqual([]);
    stalled.goOn();
    await eventually(() => expect(stalled.notes).toContain("ended"), { timeoutMs: 40_000 });

    expect(stalled.text === client.text).toBe(true);
  });
});

describe("a terminal whose runner is killed", () => {
  it("shows what the next attempt writes after what the first one did", async () => {
    await using env = await startDevEnv({ limits: SHORT_LEASES });
    const shell = "echo attempt $SIGNALBOX_ATTEMPT | sed 's/.*[.]//'; [ -e /tmp/never ]; read word; echo $word";
    const plan = { goal: "a terminal", steps: [{ name: "work", tool: "command", inputs: { shell, terminal: SIZE } }] };
    const { id } = await env.client.runs.create({ plan });
    await using client = await TerminalClient.connect(env.server, id);
    client.watch();
    await eventually(() => expect(client.text).toBe("1\r\n"));

    await env.runner.kill();
    await env.runner.start();
    await eventually(() => expect(client.text).toBe("1\r\n2\r\n"));
    client.type("done\r");

    await eventually(() => expect(client.notes).toContain("ended"));
    expect(client.text).toBe("1\r\n2\r\ndone\r\ndone\r\n");
    await using late = await TerminalClient.connect(env.server, id);
    late.watch({ offset: 3 });
    await eventually(() => expect(late.notes).toContain("ended"));
    expect(late.text).toBe("2\r\ndone\r\ndone\r\n");
  });
});

describe("the terminal of a session", () => {
  it("is a person's shell beside the agent, in its workspace, and goes with it", async () => {
    await using env = await startDevEnv({ runners: 0 });
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: {} } }));
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    const { sessionId } = await env.client.sessions.create({
      providerId: "scripted",
      task: "say hello",
      mode: "interactive",
      terminal: SIZE,
    });
    await eventually(async () => expect(await env.client.sessions.get(sessionId)).toMatchObject({ hasTerminal: true }));
    await using client = await TerminalClient.connect(env.server, sessionId);
    client.watch();
    await eventually(() => expect(client.text).toMatch(/[$#] $/));

    client.type("echo $((6*7)) > made-by-hand.txt; cat made-by-hand.txt; exit\r");
    await eventually(() => expect(client.text).toMatch(/42\r\n[^]*press a key for another/));
    client.type("\r");
    await eventually(() => expect(client.text).toMatch(/for another\]\r\n[^]*[$#] $/));
    await env.client.sessions.stop(sessionId);

    await eventually(() => expect(client.notes).toContain("ended"));
    expect(await env.client.sessions.get(sessionId)).toMatchObject({ state: "COMPLETED", reason: "stopped" });
  });
});
