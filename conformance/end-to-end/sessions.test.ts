import { readFile, writeFile } from "node:fs/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client, OpenSession } from "@signalbox/client";
import { SESSION_SOCKET_PATH, type Session, type WsServerMessage } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { isAlive } from "../_support/processes.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** What the scripted agent does, by words in what it is told. */
const SCRIPT: AgentScriptInput = {
  turns: [
    {
      when: "write",
      steps: [
        { do: "say", text: "I will write it. " },
        {
          do: "write",
          path: "hello.txt",
          text: "hi\n",
          allow: [{ do: "say", text: "It is written." }],
          deny: [{ do: "say", text: "Then I leave it." }],
        },
      ],
    },
    { when: "hang", steps: [{ do: "say", text: "Working. " }, { do: "hang" }] },
    {
      when: "ask",
      steps: [
        { do: "ask", question: "Which?", options: ["red", "blue"] },
        { do: "say", text: "{answer}." },
      ],
    },
    { when: "crash", steps: [{ do: "say", text: "Oh. " }, { do: "crash" }] },
    {
      when: "stray",
      steps: [{ do: "stray", pidFile: "stray.pid", forMs: 600_000 }, { do: "say", text: "It runs. " }, { do: "hang" }],
    },
    {
      when: "spend!",
      steps: [
        { do: "usage", inputTokens: 90, outputTokens: 20, cost: 2 },
        { do: "say", text: "Spent. " },
        { do: "hang" },
      ],
    },
    {
      when: "over-sp",
      steps: [
        { do: "usage", inputTokens: 90, outputTokens: 20 },
        { do: "say", text: "Done. " },
      ],
    },
    { when: "You were interrupted", steps: [{ do: "say", text: "I go on. " }] },
    { steps: [{ do: "say", text: "You said: {prompt}. " }] },
  ],
};

/** A server, and one runner whose scripted agent plays `SCRIPT`. */
async function startEnv(): Promise<DevEnv> {
  const env = await startDevEnv({ runners: 0, limits: { "lease.graceMs": 400, "runner.heartbeatMs": 500 } });
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  const agents = { agents: { scripted: { script: "script.json" } } };
  await writeFile(env.dir.file("agents.json"), JSON.stringify(agents));
  await env.addRunner({ slots: 20, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  return env;
}

async function open(
  client: Client,
  task: string,
  more: Partial<OpenSession> = {},
): Promise<{ session: Session; follower: SessionFollower }> {
  const session = await client.sessions.create({ providerId: "scripted", task, ...more });
  return { session, follower: new SessionFollower(client, session.sessionId, session.runId) };
}

async function filesOf(client: Client, runId: string): Promise<string[]> {
  return (await client.files.list(runId)).files.map(({ path }) => path);
}

describe("a session", () => {
  let env: DevEnv;
  let client: Client;
  beforeAll(async () => {
    env = await startEnv();
    client = env.client;
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("says what it does, asks before it acts, and does what it was allowed", async () => {
    const { session, follower } = await open(client, "write a greeting");
    await using _ = follower;

    const approval = await follower.approval();
    await client.approvals.resolve(approval.approvalId, { decision: "allow", contentHash: approval.contentHash });
    const ended = await follower.end();

    expect(approval).toMatchObject({ kind: "permission", state: "pending" });
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "finished", turns: 1 });
    expect(follower.words).toBe("I will write it. It is written.");
    expect(await filesOf(client, session.runId)).toContain("hello.txt");
  });

  it("does not do what it was denied, and goes on", async () => {
    const { session, follower } = await open(client, "write a greeting");
    await using _ = follower;

    const { approvalId } = await follower.approval();
    await client.approvals.resolve(approvalId, { decision: "deny", reason: "no" });
    const ended = await follower.end();

    expect(ended.state).toBe("COMPLETED");
    expect(follower.words).toBe("I will write it. Then I leave it.");
    expect(await filesOf(client, session.runId)).not.toContain("hello.txt");
  });

  it("decides nothing by the hash of something else, and nothing twice", async () => {
    const { follower } = await open(client, "write a greeting");
    await using _ = follower;
    const { approvalId, contentHash } = await follower.approval();
    const other = contentHash.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));

    const wrong = client.approvals.resolve(approvalId, { decision: "allow", contentHash: other });
    await expect(wrong).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    expect((await client.approvals.get(approvalId)).state).toBe("pending");
    await client.approvals.resolve(approvalId, { decision: "deny", contentHash });
    const second = client.approvals.resolve(approvalId, { decision: "allow", contentHash });

    await expect(second).rejects.toMatchObject({ code: "INVALID_STATE" });
    await follower.end();
    expect(follower.words).toContain("Then I leave it.");
  });

  it("takes silence for a no", async () => {
    const { follower } = await open(client, "write a greeting", { approvalTimeoutMinutes: 1 / 60 });
    await using _ = follower;

    const { approvalId } = await follower.approval();
    const ended = await follower.end();

    expect(ended.state).toBe("COMPLETED");
    expect((await client.approvals.get(approvalId)).state).toBe("expired");
    expect(follower.words).toContain("Then I leave it.");
  });

  it("gets the answer to a question that its agent asks", async () => {
    const { follower } = await open(client, "ask me");
    await using _ = follower;

    const { approvalId, contentHash, questions = [], kind } = await follower.approval();
    const answers = Object.fromEntries(questions.map(({ id }) => [id, ["blue"]]));
    await client.approvals.resolve(approvalId, { decision: "allow", contentHash, answers });
    await follower.end();

    expect(kind).toBe("question");
    expect(questions[0]?.options.map(({ label }) => label)).toEqual(["red", "blue"]);
    expect(follower.words).toBe("blue.");
  });

  it("is told what waits one after the other, in the order that somebody gave it", async () => {
    const { session, follower } = await open(client, "hang on", { mode: "interactive" });
    await using _ = follower;
    const { sessionId } = session;
    await follower.until(() => follower.words.includes("Working."));

    const inputs = [];
    for (const text of ["one", "two", "three"]) inputs.push((await client.sessions.say(sessionId, { text })).inputId);
    const [one = "", two = "", three = ""] = inputs;
    await client.sessions.withdraw(sessionId, two);
    const { queue } = await client.sessions.reorder(sessionId, [three, one]);
    await client.sessions.interrupt(sessionId);
    await follower.turnEnd(3);
    await client.sessions.stop(sessionId);
    const ended = await follower.end();

    expect(queue.map(({ text }) => text)).toEqual(["three", "one"]);
    expect(follower.words).toBe("Working. You said: three. You said: one. ");
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed", turns: 3 });
  });

  it("is steered in the middle of a turn", async () => {
    const { session, follower } = await open(client, "hang on", { mode: "interactive" });
    await using _ = follower;
    await follower.until(() => follower.words.includes("Working."));

    await client.sessions.say(session.sessionId, { text: "another way", delivery: "steer" });
    await follower.turnEnd(2);
    await client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(follower.words).toBe("Working. You said: another way. ");
    expect(ended.state).toBe("COMPLETED");
  });

  it("is held, and goes on where it was", async () => {
    const { session, follower } = await open(client, "hang on", { mode: "interactive" });
    await using _ = follower;
    await follower.until(() => follower.words.includes("Working."));

    const paused = await client.sessions.pause(session.sessionId);
    await follower.turnEnd(1);
    await client.sessions.say(session.sessionId, { text: "later" });
    const queued = await client.sessions.get(session.sessionId);
    await client.sessions.resume(session.sessionId);
    await follower.turnEnd(3);
    await client.sessions.stop(session.sessionId);
    await follower.end();

    expect(paused.state).toBe("PAUSED_BY_HUMAN");
    expect(queued.queue.map(({ text }) => text)).toEqual(["later"]);
    expect(follower.words).toBe("Working. I go on. You said: later. ");
  });

  it("leaves nothing running when it is stopped in the middle of a turn", async () => {
    const { session, follower } = await open(client, "stray", { sandbox: "none" });
    await using _ = follower;
    await follower.until(() => follower.words.includes("It runs."));
    const { attemptId } = await client.sessions.get(session.sessionId);
    const pid = await strayPid(env, session.runId);

    await client.sessions.stop(session.sessionId, { reason: "enough" });
    const ended = await follower.end();

    expect(attemptId).toBeDefined();
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "stopped" });
    await eventually(async () => !(await isAlive(pid)));
  });

  it("asks for more when its budget is used up, and ends when it gets none", async () => {
    const { follower } = await open(client, "spend!", { budget: { costUsd: 1.5 } });
    await using _ = follower;

    const first = await follower.approval();
    await client.approvals.resolve(first.approvalId, { decision: "allow", contentHash: first.contentHash });
    await follower.until(() => follower.words.includes("I go on."));
    const more = await follower.end();
    const second = await open(client, "spend!", { budget: { costUsd: 1.5 } });
    await using __ = second.follower;
    const { approvalId } = await second.follower.approval();
    await client.approvals.resolve(approvalId, { decision: "deny" });
    const none = await second.follower.end();

    expect(first).toMatchObject({ kind: "budget", action: "extend_budget" });
    expect(more).toMatchObject({ state: "COMPLETED", budget: { costUsd: 3.5 }, usage: { costUsd: 2 } });
    expect(none).toMatchObject({ state: "FAILED", reason: "budget_exhausted" });
  });

  it("is done when its task is, though its last words went over the budget", async () => {
    const { follower } = await open(client, "over-spend", { budget: { tokens: 100 } });
    await using _ = follower;

    const ended = await follower.end();

    expect(ended).toMatchObject({
      state: "COMPLETED",
      usage: { inputTokens: 90, outputTokens: 20 },
      pendingApprovals: [],
    });
  });

  it("fails when its agent ends in the middle of a turn", async () => {
    const { follower } = await open(client, "crash");
    await using _ = follower;

    const ended = await follower.end();

    expect(ended).toMatchObject({ state: "FAILED", reason: "agent_crashed" });
  });

  it("is followed by a client of the socket, live and from a cursor", async () => {
    const { session, follower } = await open(client, "write a greeting");
    await using _ = follower;
    const url = `${env.server.url.replace("http", "ws")}${SESSION_SOCKET_PATH}`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${env.server.token}` } });
    const messages: WsServerMessage[] = [];
    socket.on("message", (data) => messages.push(JSON.parse((data as Buffer).toString()) as WsServerMessage));
    socket.once("open", () =>
      socket.send(JSON.stringify({ type: "subscribe_session", sessionId: session.sessionId, after: 0 })),
    );

    const asked = await eventually(() => messages.find((message) => message.type === "approval_required"));
    const { approvalId } = asked.approval;
    await client.approvals.resolve(approvalId, { decision: "deny" });
    const ended = await follower.end();
    const told = () => messages.filter((message) => message.type === "session");
    await eventually(() => told().some(({ action }) => action === "session.completed"));
    socket.terminate();

    expect(told().map(({ seq }) => seq)).toEqual(Array.from({ length: ended.lastSeq }, (_, index) => index + 1));
    expect(
      told()
        .filter(({ action }) => action === "state_change")
        .map(({ data }) => data["to"]),
    ).toContain("WAITING_FOR_APPROVAL");
  });

  it("waits where no machine has its agent, and says why", async () => {
    const session = await client.sessions.create({ providerId: "acp:nobody", task: "anything" });

    const reasons = await eventually(async () => {
      const found = await client.runs.waiting(session.runId);
      return found.length > 0 && found;
    });
    const stopped = await client.sessions.stop(session.sessionId);

    expect(reasons[0]?.message).toContain("acp:nobody");
    expect(stopped.state).toBe("COMPLETED");
  });

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });
});

describe("a session whose runner is killed", () => {
  it("goes on when the runner is back, with its conversation, and says how", async () => {
    await using env = await startEnv();
    const { client } = env;
    const { session, follower } = await open(client, "hang on", { mode: "interactive" });
    await using _ = follower;
    await follower.until(() => follower.words.includes("Working."));

    await env.runner.kill();
    await env.runner.start();
    await follower.until(() => follower.words.includes("I go on."));
    // Words are there a moment before what follows from them.
    const resumed = await eventually(async () => {
      const found = await client.sessions.get(session.sessionId);
      return found.state === "RUNNING" && found;
    });
    await client.sessions.say(session.sessionId, { text: "still there" });
    await follower.turnEnd(2);
    await client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(resumed).toMatchObject({ state: "RUNNING", resumed: "loaded" });
    expect(follower.types).toContain("session.interrupted");
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
    expect(await findDamage(env.server)).toEqual([]);
  });
});

/** The process that the agent of a run has left in its workspace. */
async function strayPid(env: DevEnv, runId: string): Promise<number> {
  const file = `${env.runner.dataDir}/workspaces`;
  return eventually(async () => {
    const { readdir } = await import("node:fs/promises");
    const names = await readdir(file, { recursive: true });
    const found = names.find((name) => name.includes(runId) && name.endsWith("stray.pid"));
    return found !== undefined && Number(await readFile(`${file}/${found}`, "utf8"));
  });
}
