import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client, OpenSession } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { processesOf } from "../_support/processes.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const SILENT = join(import.meta.dirname, "../_support/hostile-agent.mjs");

const SCRIPT: AgentScriptInput = {
  turns: [
    { when: "hang", steps: [{ do: "say", text: "Working. " }, { do: "hang" }] },
    { when: "write", steps: [{ do: "write", path: "hello.txt", text: "hi\n" }] },
    { steps: [{ do: "say", text: "You said: {prompt}. " }] },
  ],
};

/** A server, and a runner with an agent that plays `SCRIPT` and one that never says that it is ready. */
async function startEnv(): Promise<DevEnv> {
  const env = await startDevEnv({ runners: 0, limits: SHORT_LEASES });
  const silent = {
    program: [process.execPath, SILENT, "--first", "silent"],
    version: "1.0.0",
    folders: [join(SILENT, "..")],
  };
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  const agents = { agents: { scripted: { script: "script.json" }, "acp:silent": silent } };
  await writeFile(env.dir.file("agents.json"), JSON.stringify(agents));
  await env.addRunner({ slots: 20, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  return env;
}

/** A session that somebody is about to stop. */
interface Subject {
  readonly client: Client;
  readonly session: Session;
  readonly follower: SessionFollower;
}

const INTERACTIVE = { mode: "interactive" } as const;
const STOPPED = { state: "COMPLETED", reason: "stopped" } as const;
const CLOSED = { state: "COMPLETED", reason: "closed" } as const;

/** When it is stopped: how it is opened, what is waited for and done before, and what the stop means then. */
const MOMENTS: readonly {
  readonly when: string;
  readonly task: string;
  readonly more?: Partial<OpenSession>;
  readonly before?: (subject: Subject) => Promise<unknown>;
  readonly ends: typeof STOPPED | typeof CLOSED;
}[] = [
  { when: "as soon as it is opened", task: "hello", ends: STOPPED },
  {
    when: "while nobody has its agent",
    task: "hello",
    more: { providerId: "acp:nobody" },
    ends: STOPPED,
  },
  {
    when: "while its agent starts",
    task: "hello",
    more: { providerId: "acp:silent" },
    before: ({ session }) => eventually(async () => (await processesOf(session.runId)).length > 0),
    ends: STOPPED,
  },
  {
    when: "in the middle of a turn",
    task: "hang on",
    before: ({ follower }) => follower.until(() => follower.words.includes("Working.")),
    ends: STOPPED,
  },
  {
    when: "with nothing to do",
    task: "hello",
    more: INTERACTIVE,
    before: ({ follower }) => follower.turnEnd(1),
    ends: CLOSED,
  },
  {
    when: "right behind a prompt",
    task: "hello",
    more: INTERACTIVE,
    before: async ({ client, session, follower }) => {
      await follower.turnEnd(1);
      await client.sessions.say(session.sessionId, { text: "hang on" });
    },
    ends: STOPPED,
  },
  {
    when: "while it waits for an approval",
    task: "write it",
    before: ({ follower }) => follower.approval(),
    ends: STOPPED,
  },
  {
    when: "while it is held in the middle of a turn",
    task: "hang on",
    more: INTERACTIVE,
    before: async ({ client, session, follower }) => {
      await follower.until(() => follower.words.includes("Working."));
      await client.sessions.pause(session.sessionId);
      await follower.turnEnd(1);
    },
    ends: STOPPED,
  },
  {
    when: "while it is held with nothing to do",
    task: "hello",
    more: INTERACTIVE,
    before: async ({ client, session, follower }) => {
      await follower.turnEnd(1);
      await client.sessions.pause(session.sessionId);
    },
    ends: CLOSED,
  },
];

describe("a session that is stopped", { timeout: 60_000 }, () => {
  let env: DevEnv;
  let client: Client;
  beforeAll(async () => {
    env = await startEnv();
    client = env.client;
  });
  afterAll(() => env[Symbol.asyncDispose]());

  async function open(task: string, more: Partial<OpenSession> = {}): Promise<Subject> {
    const session = await client.sessions.create({ providerId: "scripted", task, ...more });
    return { client, session, follower: new SessionFollower(client, session.sessionId, session.runId) };
  }

  it.each(MOMENTS)("$when ends as that stop means, and leaves nothing", async ({ task, more, before, ends }) => {
    const subject = await open(task, more);
    await using follower = subject.follower;
    const { sessionId, runId } = subject.session;
    await before?.(subject);

    await client.sessions.stop(sessionId, { reason: "enough" });
    const ended = await follower.end();

    expect(ended).toMatchObject({ ...ends, message: "enough", pendingApprovals: [], queue: [] });
    expect(await processesOf(runId)).toEqual([]);
  });

  it("says that its agent is gone, before all that it said is here", async () => {
    const { session, follower } = await open("hang on");
    await using _ = follower;
    await follower.until(() => follower.words.includes("Working."));

    await client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(follower.types.filter((type) => type === "agent.ended" || type === "session.completed")).toEqual([
      "agent.ended",
      "session.completed",
    ]);
    expect(Date.parse(ended.agentEndedAt ?? "")).toBeLessThanOrEqual(Date.parse(ended.endedAt ?? ""));
  });

  it.each([
    ["in the middle of a turn", "hang on", STOPPED],
    ["with nothing to do", "hello", CLOSED],
  ])("by three people at once, %s, ends as the first of them stopped it", async (_when, task, ends) => {
    const { session, follower } = await open(task, INTERACTIVE);
    await using _ = follower;
    if (task === "hello") await follower.turnEnd(1);
    else await follower.until(() => follower.words.includes("Working."));

    const stops = ["one", "two", "three"].map((reason) => client.sessions.stop(session.sessionId, { reason }));
    const results = await Promise.allSettled(stops);
    const ended = await follower.end();

    // One that comes when it is over is refused.
    const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(refusals).toEqual(refusals.map(() => expect.objectContaining({ code: "INVALID_STATE" }) as unknown));
    // Whose request comes first is up to the network.
    expect(["one", "two", "three"]).toContain(ended.message);
    expect(ended).toMatchObject(ends);
    expect(await processesOf(session.runId)).toEqual([]);
  });

  it.each([
    ["while its agent starts", "acp:silent"],
    ["in the middle of a turn", "scripted"],
  ])("%s, as a step among others, takes its step with it", async (_when, provider) => {
    const steps = [
      { name: "work", tool: `agent:${provider}`, inputs: { task: "hang on" }, retry: { maxAttempts: 3 } },
      { name: "after", tool: "command", inputs: { shell: "true" } },
    ] as const;
    const { id } = await client.runs.create({ projectId: "default", plan: { goal: "two steps", steps: [...steps] } });
    const sessionId = await eventually(async () => (await client.runs.get(id)).steps[0]?.sessionId);
    await using follower = new SessionFollower(client, sessionId, id);
    if (provider === "scripted") await follower.until(() => follower.words.includes("Working."));
    else await eventually(async () => (await processesOf(id)).length > 0);

    await client.sessions.stop(sessionId, { reason: "enough" });
    const ended = await follower.end();

    expect(ended).toMatchObject({ ...STOPPED, message: "enough" });
    const { steps: left } = await client.runs.get(id);
    expect(left.map(({ status, attempts }) => [status, attempts.length])).toEqual([
      ["cancelled", 1],
      ["skipped", 0],
    ]);
    expect(await processesOf(id)).toEqual([]);
  });

  it("while its runner is gone ends as that stop means, and nothing of it is begun again", async () => {
    const { session, follower } = await open("hang on", INTERACTIVE);
    await using _ = follower;
    await follower.until(() => follower.words.includes("Working."));

    await env.runner.kill();
    await client.sessions.stop(session.sessionId, { reason: "enough" });
    await env.runner.start();
    const ended = await follower.end();

    expect(ended).toMatchObject({ ...STOPPED, message: "enough" });
    expect(await processesOf(session.runId)).toEqual([]);
  });

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });
});
