import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { processesOf } from "../_support/processes.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const AGENT = join(import.meta.dirname, "../_support/hostile-agent.mjs");
const GRACE_MS = 1_000;
/** What a person waits for at most, whatever floods: generous, for a busy machine. Seen red: half a minute. */
const SOON_MS = GRACE_MS + 5_000;
/** Each kind of flood, and each twice: facts, small words, large words, what the agent asks and takes back. */
const FLOODS = ["spends", `thoughts ${10 ** 12}`, `words ${10 ** 12}`, `fickle ${10 ** 12}`];

const SCRIPT: AgentScriptInput = {
  turns: [
    { when: "flood", steps: [{ do: "flood", bytes: Number.MAX_SAFE_INTEGER }] },
    { when: "hang", steps: [{ do: "say", text: "Working. " }, { do: "hang" }] },
    {
      when: "write",
      steps: [{ do: "write", path: "hello.txt", text: "hi\n", deny: [{ do: "say", text: "Then not. " }] }],
    },
    { steps: [{ do: "say", text: "You said: {prompt}. " }] },
  ],
};

describe("while agents flood, on the same runner", { timeout: 120_000 }, () => {
  let env: DevEnv;
  let client: Client;
  const floods: Session[] = [];
  beforeAll(async () => {
    env = await startDevEnv({ runners: 0, limits: { "cancel.graceMs": GRACE_MS } });
    client = env.client;
    const flooding = { program: [process.execPath, AGENT], version: "1.0.0", folders: [join(AGENT, "..")] };
    await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
    const agents = { agents: { scripted: { script: "script.json" }, "acp:hostile": flooding } };
    await writeFile(env.dir.file("agents.json"), JSON.stringify(agents));
    await env.addRunner({ slots: 20, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    for (const task of [...FLOODS, ...FLOODS])
      floods.push(await client.sessions.create({ providerId: "acp:hostile", task }));
    for (const { sessionId } of floods)
      await eventually(async () => (await client.sessions.get(sessionId)).isWorking, { timeoutMs: 30_000 });
  }, 60_000);
  afterAll(() => env[Symbol.asyncDispose]());

  it("a session beside them is spoken to, interrupted, held, answered and ended, each of it soon", async () => {
    const session = await client.sessions.create({ providerId: "scripted", task: "hello", mode: "interactive" });
    const { sessionId, runId } = session;
    await using follower = new SessionFollower(client, sessionId, runId);
    const turns = () => follower.types.filter((type) => type === "turn.ended").length;
    const took: [string, number][] = [];
    const time = async (what: string, doing: () => Promise<unknown>, until: () => unknown) => {
      const begunMs = performance.now();
      await doing();
      await follower.until(() => Boolean(until()), what);
      took.push([what, performance.now() - begunMs]);
    };
    await follower.turnEnd(1);

    await time(
      "a prompt",
      () => client.sessions.say(sessionId, { text: "hang on" }),
      () => follower.words.includes("Working."),
    );
    await time(
      "an interrupt",
      () => client.sessions.interrupt(sessionId),
      () => turns() === 2,
    );
    await client.sessions.say(sessionId, { text: "hang on" });
    await follower.until(() => follower.types.filter((type) => type === "turn.started").length === 3);
    await time(
      "a pause",
      () => client.sessions.pause(sessionId),
      () => turns() === 3,
    );
    await client.sessions.resume(sessionId);
    await follower.turnEnd(4);
    await client.sessions.say(sessionId, { text: "write it" });
    const { approvalId } = await follower.approval();
    await time(
      "an answer",
      () => client.approvals.resolve(approvalId, { decision: "deny" }),
      () => turns() === 5,
    );
    await time(
      "a stop",
      () => client.sessions.stop(sessionId),
      () => follower.types.includes("session.completed"),
    );

    expect(took.filter(([, ms]) => ms > SOON_MS)).toEqual([]);
    expect((await follower.end()).reason).toBe("closed");
  });

  it("one that floods as well is interrupted, held and told something else, each of it soon", async () => {
    const session = await client.sessions.create({ providerId: "scripted", task: "flood", mode: "interactive" });
    const { sessionId } = session;
    const took: [string, number][] = [];
    const time = async (what: string, doing: () => Promise<unknown>, is: (session: Session) => boolean) => {
      const begunMs = performance.now();
      await doing();
      await eventually(async () => is(await client.sessions.get(sessionId)), { timeoutMs: 60_000, everyMs: 20 });
      took.push([what, performance.now() - begunMs]);
    };
    await eventually(async () => (await client.sessions.get(sessionId)).isWorking, { timeoutMs: 30_000 });

    await time(
      "an interrupt",
      () => client.sessions.interrupt(sessionId),
      ({ isWorking }) => !isWorking,
    );
    await time(
      "a prompt",
      () => client.sessions.say(sessionId, { text: "flood again" }),
      ({ turns }) => turns === 2,
    );
    await time(
      "a pause",
      () => client.sessions.pause(sessionId),
      ({ isWorking }) => !isWorking,
    );
    await client.sessions.stop(sessionId);

    expect(took.filter(([, ms]) => ms > SOON_MS)).toEqual([]);
  });

  it("each of them is stopped soon, one after the other, while the others go on", async () => {
    const took: [string, number][] = [];
    for (const { sessionId, runId, task } of floods) {
      const begunMs = performance.now();
      // One whose turn was full of questions may have come to its end by itself.
      await client.sessions.stop(sessionId).catch(() => undefined);
      await eventually(async () => (await processesOf(runId)).length === 0, { timeoutMs: 60_000, everyMs: 20 });
      took.push([task, performance.now() - begunMs]);
    }

    expect(took.filter(([, ms]) => ms > SOON_MS)).toEqual([]);
    for (const { sessionId } of floods) {
      const ended = await eventually(
        async () => {
          const session = await client.sessions.get(sessionId);
          return session.endedAt !== undefined && session;
        },
        { timeoutMs: 60_000, everyMs: 50 },
      );
      expect(ended.pendingApprovals).toEqual([]);
    }
    expect(await findDamage(env.server)).toEqual([]);
  });
});
