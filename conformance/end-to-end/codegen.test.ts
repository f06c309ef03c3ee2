import { readdir, readFile, writeFile } from "node:fs/promises";

import {
  SCRIPTED_AGENT_VERSION,
  scriptedAgentArgv,
  scriptedAgentFolders,
  type AgentScriptInput,
  type ScriptStepInput,
} from "@signalbox/agents/scripted-agent";
import type { Client } from "@signalbox/client";
import type { RunDetails, StepDetails, StepInput } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { makeGitRepository } from "../_support/git-repository.ts";
import { isAlive } from "../_support/processes.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** What the agent of the machine does where a step has no script: a module and its test, or what it is told to. */
const OWNERS_SCRIPT: AgentScriptInput = {
  turns: [
    { when: "hang", steps: [{ do: "say", text: "Working. " }, { do: "hang" }] },
    { when: "again", steps: [{ do: "say", text: "You said: {prompt}. " }] },
    {
      steps: [
        { do: "plan", entries: [{ text: "Write the module", status: "in_progress" }] },
        { do: "write", path: "src/sum.js", text: "export const sum = (a, b) => a + b;\n" },
        {
          do: "write",
          path: "sum.test.js",
          text: "import { test } from 'node:test';\nimport { sum } from './src/sum.js';\ntest('sums', () => { if (sum(1, 2) !== 3) throw new Error('no'); });\n",
        },
        { do: "say", text: "Both are written." },
      ],
    },
  ],
};

const PROJECT_FILES = {
  "package.json": JSON.stringify({
    name: "sums",
    type: "module",
    scripts: { test: "node --test", typecheck: "node --check src/sum.js", lint: "echo fine" },
  }),
  "README.md": "# sums\n",
};

/** A codegen step whose agent plays this. */
function codegen(script: readonly ScriptStepInput[], more: Partial<StepInput> = {}): StepInput {
  return { name: "work", tool: "codegen", inputs: { prompt: "Do it", script: script as never }, ...more };
}

/** The step of a run once a runner has begun with it. */
async function begun(client: Client, runId: string): Promise<StepDetails & { sessionId: string }> {
  return eventually(async () => {
    const [step] = (await client.runs.get(runId)).steps;
    return step?.sessionId !== undefined && { ...step, sessionId: step.sessionId };
  });
}

async function follow(client: Client, runId: string): Promise<SessionFollower> {
  return new SessionFollower(client, (await begun(client, runId)).sessionId, runId);
}

function pathsOf({ artifacts }: RunDetails): string[] {
  return artifacts.map(({ path }) => path).sort();
}

describe("a step that an agent works on", () => {
  let env: DevEnv;
  let client: Client;
  beforeAll(async () => {
    env = await startDevEnv({ runners: 0, limits: { "runner.heartbeatMs": 500 } });
    client = env.client;
    await writeFile(env.dir.file("script.json"), JSON.stringify(OWNERS_SCRIPT));
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
    await env.addRunner({ slots: 20, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    const url = await makeGitRepository(env.dir.file("repository"), PROJECT_FILES);
    await client.projects.put("sums", { repo: { url, branch: "main" } });
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("is a session of its own: prompt, plan, session, files, gates", async () => {
    const { id } = await client.runs.create({
      projectId: "sums",
      standard: { prompt: "Write a module that sums", quality: true },
    });
    await using follower = await follow(client, id);

    const session = await follower.end();
    const details = await client.runs.wait(id);

    expect(details.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "work succeeded",
      "typecheck succeeded",
      "lint succeeded",
      "test succeeded",
      expect.stringMatching(/^security (succeeded|skipped)$/),
    ]);
    expect(session).toMatchObject({
      providerId: "scripted",
      runId: id,
      step: "work",
      task: "Write a module that sums",
      state: "COMPLETED",
      reason: "finished",
      turns: 1,
      pendingApprovals: [],
    });
    expect(follower.types).not.toContain("approval.requested");
    expect(details.steps[0]?.outputs).toEqual({ agent: "scripted", files: ["src/sum.js", "sum.test.js"] });
    expect(pathsOf(details)).toEqual(["src/sum.js", "sum.test.js"]);
    const output = await (await env.server.fetch(`/api/v1/runs/${id}/output?format=raw&step=work`)).text();
    expect(output).toContain("Both are written.");
  });

  it("says first what waits, and then ends without anybody", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "wait",
        steps: [
          codegen([
            { do: "say", text: "[{prompt}] " },
            { do: "wait", ms: 600 },
          ]),
        ],
      },
    });
    await using follower = await follow(client, id);
    await follower.until(() => follower.words.includes("[Do it]"));

    await client.sessions.say(follower.sessionId, { text: "and this" });
    const session = await follower.end();
    const { run } = await client.runs.wait(id);

    expect(follower.words).toBe("[Do it] [and this] ");
    expect(session).toMatchObject({ state: "COMPLETED", turns: 2 });
    expect(run.status).toBe("succeeded");
  });

  it("does not do what the step does not allow, and that is told", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "write only",
        steps: [
          codegen(
            [
              { do: "run", argv: ["touch", "run.txt"], deny: [{ do: "say", text: "Then not." }] },
              { do: "write", path: "a.txt", text: "a" },
            ],
            { toolsAllowed: ["write_file"] },
          ),
        ],
      },
    });
    await using follower = await follow(client, id);

    await follower.end();
    const details = await client.runs.wait(id);
    const { files } = await client.files.list(id);

    expect(details.run.status).toBe("succeeded");
    expect(files.map(({ path }) => path)).toEqual(["a.txt"]);
    expect(follower.words).toBe("Then not.");
    expect(follower.events.find(({ type }) => type === "tool.denied")?.data).toEqual({
      action: "command",
      description: "touch run.txt",
    });
  });

  it("keeps nothing of an agent that does it all the same", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "sneak",
        steps: [
          codegen([{ do: "run", argv: ["touch", "run.txt"], ask: false }, { do: "hang" }], { toolsAllowed: [] }),
          { name: "after", tool: "command", inputs: { shell: "true" } },
        ],
      },
    });

    const { run, steps } = await client.runs.wait(id);
    const session = await client.sessions.get((await begun(client, id)).sessionId);

    expect(run.status).toBe("failed");
    expect(steps.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      "failed tool_not_allowed",
      "skipped needs_failed",
    ]);
    expect(session).toMatchObject({ state: "FAILED", reason: "step_failed" });
    expect((await client.files.list(id)).files).toEqual([]);
  });

  it("ends with its run when that is cancelled in the middle of a turn; nothing runs on", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "stray",
        steps: [
          codegen([{ do: "stray", pidFile: "stray.pid", forMs: 600_000 }, { do: "say", text: "Up." }, { do: "hang" }]),
        ],
      },
    });
    await using follower = await follow(client, id);
    await follower.until(() => follower.words.includes("Up."));
    const pid = await strayPid(env, id);

    await client.runs.cancel(id);
    const session = await follower.end();
    const { run, steps } = await client.runs.wait(id);

    expect(run).toMatchObject({ status: "cancelled" });
    expect(steps[0]).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(session).toMatchObject({ state: "FAILED", reason: "cancelled" });
    await eventually(async () => !(await isAlive(pid)));
  });

  it.each([
    ["fails", "tool_failure", "agent_failed", "gave up", [{ do: "fail", message: "gave up" }]],
    [
      "exits",
      "runtime_error",
      "agent_crashed",
      "",
      [
        { do: "say", text: "Oh." },
        { do: "crash", exitCode: 3 },
      ],
    ],
    ["talks nonsense", "runtime_error", "protocol_error", "", [{ do: "garbage", lines: 1_000 }, { do: "hang" }]],
    ["dies of a signal", "runtime_error", "agent_crashed", "", [{ do: "crash", signal: "SIGSEGV" }]],
  ] satisfies [string, string, string, string, ScriptStepInput[]][])(
    "fails with a typed reason when its agent %s",
    async (_, reason, sessionReason, words, script) => {
      const { id } = await client.runs.create({ plan: { goal: "fail", steps: [codegen(script)] } });

      const { run, steps } = await client.runs.wait(id);
      const session = await client.sessions.get((await begun(client, id)).sessionId);

      expect(run).toMatchObject({ status: "failed", reason });
      expect(steps[0]).toMatchObject({ status: "failed", reason });
      expect(steps[0]?.message).toContain(words);
      expect(session).toMatchObject({ state: "FAILED", reason: sessionReason });
    },
  );

  it("is tried again from its beginning as its policy says", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "twice",
        steps: [
          codegen(
            [
              { do: "say", text: "{prompt} {earlier}. " },
              { do: "fail", message: "no" },
            ],
            {
              retry: { maxAttempts: 2, initialDelayMs: 0 },
            },
          ),
        ],
      },
    });

    const { steps } = await client.runs.wait(id);
    await using follower = await follow(client, id);
    const session = await follower.end();

    expect(steps[0]).toMatchObject({ status: "failed", reason: "tool_failure" });
    expect(steps[0]?.attempts).toHaveLength(2);
    expect(session).toMatchObject({ state: "FAILED", reason: "agent_failed" });
    expect(follower.words).toBe("Do it 0. Do it 0. ");
  });

  it("outlives an agent that floods, and keeps what it wrote", async () => {
    const { id } = await client.runs.create({
      plan: {
        goal: "flood",
        steps: [
          codegen([
            { do: "flood", bytes: 3_000_000, as: "words" },
            { do: "flood", bytes: 1_000_000, as: "stderr" },
            { do: "write", path: "after.txt", text: "after" },
          ]),
        ],
      },
    });

    const details = await client.runs.wait(id);

    expect(details.run.status).toBe("succeeded");
    expect(pathsOf(details)).toEqual(["after.txt"]);
  });

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });
});

describe("a codegen step whose runner is killed in the middle of the turn", () => {
  it("goes on when the runner is back, and its files are kept", async () => {
    await using env = await startDevEnv({ limits: SHORT_LEASES });
    const { client } = env;
    const { id } = await client.runs.create({
      plan: {
        goal: "survive",
        steps: [
          codegen([
            { do: "say", text: "Working. " },
            { do: "wait", ms: 1_500 },
            { do: "write", path: "done.txt", text: "done" },
          ]),
          { name: "check", tool: "command", inputs: { shell: "cat done.txt" } },
        ],
      },
    });
    await using follower = await follow(client, id);
    await follower.until(() => follower.words.includes("Working."));

    await env.runner.kill();
    await env.runner.start();
    const session = await follower.end();
    const details = await client.runs.wait(id);

    expect(details.run.status).toBe("succeeded");
    expect(details.steps[0]?.attempts.map(({ status }) => status)).toEqual([
      expect.stringMatching(/^(interrupted|lost)$/),
      "succeeded",
    ]);
    expect(session).toMatchObject({ state: "COMPLETED", resumed: "loaded" });
    expect(follower.types).toContain("session.interrupted");
    expect(pathsOf(details)).toEqual(["done.txt"]);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

describe("a codegen step whose server is killed in the middle of the turn", () => {
  it("goes on, and its end is told to the server that comes back", async () => {
    await using env = await startDevEnv();
    const { id } = await env.client.runs.create({
      plan: {
        goal: "survive",
        steps: [
          codegen([
            { do: "say", text: "Working." },
            { do: "wait", ms: 1_500 },
            { do: "write", path: "done.txt", text: "done" },
          ]),
        ],
      },
    });
    await eventually(async () => (await env.client.sessions.get((await begun(env.client, id)).sessionId)).isWorking);

    await env.server.kill();
    await env.server.start();
    const details = await env.client.runs.wait(id);
    const session = await env.client.sessions.get(details.steps[0]?.sessionId ?? "");

    expect(details.run.status).toBe("succeeded");
    expect(details.steps[0]?.attempts).toHaveLength(1);
    expect(session).toMatchObject({ state: "COMPLETED", turns: 1 });
    expect(pathsOf(details)).toEqual(["done.txt"]);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

describe("the agent of codegen steps", () => {
  it("is the one that the machine's owner says, and the scripted one where a step has a script", async () => {
    await using env = await startDevEnv({ runners: 0 });
    const { client } = env;
    await writeFile(
      env.dir.file("mine.json"),
      JSON.stringify({ turns: [{ steps: [{ do: "say", text: "It is me." }] }] }),
    );
    const mine = {
      program: scriptedAgentArgv({ script: env.dir.file("mine.json") }),
      version: SCRIPTED_AGENT_VERSION,
      folders: scriptedAgentFolders(),
    };
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { "acp:mine": mine } }));
    const SIGNALBOX_AGENTS_FILE = env.dir.file("agents.json");
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE, SIGNALBOX_CODEGEN_PROVIDER: "acp:mine" } });

    const thinks = await client.runs.create({ standard: { prompt: "Who is it?" } });
    const plays = await client.runs.create({
      plan: { goal: "play", steps: [codegen([{ do: "say", text: "I play." }])] },
    });
    const named = await client.runs.create({
      plan: {
        goal: "by name",
        steps: [{ name: "work", tool: "codegen", inputs: { prompt: "x" }, requires: { provider: "scripted" } }],
      },
    });
    const providers = [];
    for (const { id } of [thinks, plays, named]) {
      expect((await client.runs.wait(id)).run.status).toBe("succeeded");
      providers.push((await client.sessions.get((await begun(client, id)).sessionId)).providerId);
    }

    expect(providers).toEqual(["acp:mine", "scripted", "scripted"]);
  });
});

/** The process that the agent of a run has left in its workspace. */
async function strayPid(env: DevEnv, runId: string): Promise<number> {
  const folder = `${env.runner.dataDir}/workspaces`;
  return eventually(async () => {
    const names = await readdir(folder, { recursive: true });
    const found = names.find((name) => name.includes(runId) && name.endsWith("stray.pid"));
    return found !== undefined && Number(await readFile(`${folder}/${found}`, "utf8"));
  });
}
