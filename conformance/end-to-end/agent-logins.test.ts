import { spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { scriptedAgentArgv, type AgentScriptInput } from "@signalbox/agents/scripted-agent";
import { describe, expect, it } from "vitest";

import { freePort, startDevEnv, type DevEnv } from "../dev-env.ts";
import { atTerminal } from "../_support/at-terminal.ts";
import { RecordingProxy } from "../_support/recording-proxy.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const hasScript = spawnSync("script", ["--version"]).status === 0;
const AGENT = join(import.meta.dirname, "../_support/agent-with-account.mjs");
/** It prints the login in its home, as an agent can that is told to. */
const LOOK = ["sh", "-c", 'cat "$HOME/.gemini/oauth_creds.json" && echo I am known || echo I am nobody'];
const SCRIPT: AgentScriptInput = {
  turns: [
    {
      steps: [
        { do: "run", argv: LOOK, ask: false },
        { do: "say", text: "So. " },
      ],
    },
  ],
};
const CODE = "4711-with-a-long-tail";
const SECRET = `secret-${CODE}`;

/** A runner whose gemini_cli is a stand-in with an account, behind a network that writes down what it sends. */
async function startEnv(
  port: number,
): Promise<{ env: DevEnv; proxy: RecordingProxy; machine: Record<string, string> }> {
  const env = await startDevEnv({ runners: 0, doors: [port] });
  const proxy = await RecordingProxy.before(env.server.url, port);
  env.use(proxy);
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  const scripted = scriptedAgentArgv({ script: env.dir.file("script.json") });
  const gemini = { program: [process.execPath, AGENT, ...scripted, "--"], version: "1.0.0" };
  await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { gemini_cli: gemini } }));
  const machine = {
    HOME: env.dir.file("person"),
    SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json"),
    SIGNALBOX_AGENT_HOMES_DIR: env.dir.file("homes"),
  };
  await env.addRunner({ url: proxy.url, env: { ...machine, HOME: env.dir.file("runner-0") } });
  return { env, proxy, machine };
}

/** What the agent finds out about itself, in a session of its own. */
async function askWho(env: DevEnv): Promise<string> {
  const { sessionId, runId } = await env.client.sessions.create({ providerId: "gemini_cli", task: "Who are you?" });
  const follower = new SessionFollower(env.client, sessionId, runId);
  await follower.turnEnd(1);
  await env.client.sessions.stop(sessionId);
  await follower.end();
  return JSON.stringify(follower.said);
}

describe.skipIf(!hasScript)("a login to an agent, on a runner's own machine", { timeout: 180_000 }, () => {
  it("is used by sessions from then on, until it is ended, and never leaves the machine", async () => {
    const { env, proxy, machine } = await startEnv(await freePort());
    await using _ = env;
    const before = await askWho(env);

    const login = await atTerminal(["agents", "login", "gemini_cli"], {
      env: machine,
      question: "Paste the code",
      answer: CODE,
    });
    const during = await askWho(env);
    const kept = await filesWith(env.dir.path, SECRET);
    const logout = await atTerminal(["agents", "logout", "gemini_cli"], { env: machine });
    const after = await askWho(env);

    expect(before).toContain("I am nobody");
    expect(login).toMatchObject({ code: 0, text: expect.stringContaining("gemini_cli is logged in") as string });
    expect(during).toContain("I am known");
    expect(during).toContain("[redacted:gemini_cli login]");
    expect(logout).toMatchObject({ code: 0 });
    expect(after).toContain("I am nobody");
    expect(proxy.sent).toContain("I am known");
    expect(proxy.sent).not.toContain(SECRET);
    // The agent keeps what it printed in its own record, at home; nobody else has it.
    expect(kept).toContain(env.dir.file("homes/gemini_cli/.gemini/oauth_creds.json"));
    expect(kept.filter((file) => !file.startsWith(env.dir.file("homes")))).toEqual([]);
    expect(await filesWith(env.server.dataDir, "I am known")).not.toEqual([]);
    expect(before + during + after + login.text + env.words()).not.toContain(SECRET);
  });
});

/** The files below a folder that hold some words. */
async function filesWith(folder: string, words: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(words)) found.push(path);
  }
  return found;
}
