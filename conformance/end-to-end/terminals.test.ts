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
