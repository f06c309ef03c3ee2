import { writeFile } from "node:fs/promises";

import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
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
    expect(await env.client.sessions.get(sessionId)).toMatchObject({ state: "FAILED", reason: "stopped" });
  });
});
