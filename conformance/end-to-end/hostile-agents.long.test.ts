import { randomUUID } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Client } from "@signalbox/client";
import type { Session } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { isAlive, processesOf, processesWith } from "../_support/processes.ts";
import { SCALE } from "../_support/seeded-random.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const AGENT = join(import.meta.dirname, "../_support/hostile-agent.mjs");
const MB = 1_000_000;
const FLOOD = Math.min(2_000, 200 * SCALE) * MB;
/** What the runner may need more than before, whatever its agents do. */
const MEMORY_KB = 200_000;

/** Agents that are bad before they say hello, and one that waits for its task to be. */
const AGENTS: Readonly<Record<string, readonly string[]>> = {
  hostile: [],
  silent: ["--first", "silent"],
  exits: ["--first", "exits"],
  closes: ["--first", "closes"],
  babbles: ["--first", "garbage"],
  shouts: ["--first", "thoughts", String(10 ** 12)],
  leaves: ["--first", "leaves"],
};

async function startEnv(sandbox: "none" | "auto"): Promise<DevEnv> {
  const env = await startDevEnv({ runners: 0, limits: { "cancel.graceMs": 1_000, "step.outputBytes": 4 * MB } });
  const entries = Object.entries(AGENTS).map(([name, first]) => [
    `acp:${name}`,
    { program: [process.execPath, AGENT, ...first], version: "1.0.0", folders: [join(AGENT, "..")] },
  ]);
  const agents = { ...Object.fromEntries(entries), scripted: { script: "script.json" } } as object;
  await writeFile(
    env.dir.file("script.json"),
    JSON.stringify({ turns: [{ steps: [{ do: "say", text: "{prompt}!" }] }] }),
  );
  await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents }));
  await env.addRunner({ slots: 10, sandbox, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  return env;
}

describe.each(["none", "auto"] as const)("agents that do not behave, in sandbox %s", (sandbox) => {
  let env: DevEnv;
  let client: Client;
  let bystander: SessionFollower;
  let silent: Session;
  let isEnclosed: boolean;
  beforeAll(async () => {
    env = await startEnv(sandbox);
    client = env.client;
    const { items } = await client.runners.list();
    isEnclosed = sandbox !== "none" && items[0]?.capabilities.features.includes("sandbox") === true;
    const session = await client.sessions.create({ providerId: "scripted", task: "Hello", mode: "interactive" });
    bystander = new SessionFollower(client, session.sessionId, session.runId);
    await bystander.turnEnd(1);
    // Half a minute is what an agent has for its hello; the others do their worst meanwhile.
    silent = await open("silent");
  });
  afterAll(async () => {
    await bystander[Symbol.asyncDispose]();
    await env[Symbol.asyncDispose]();
  });

  function open(agent: string, task = "nothing"): Promise<Session> {
    return client.sessions.create({ providerId: `acp:${agent}`, task });
  }

  /** The end of a session whose agent does this. */
  async function endOf({ sessionId }: Session, timeoutMs = 15_000): Promise<Session> {
    return eventually(
      async () => {
        const session = await client.sessions.get(sessionId);
        return session.endedAt !== undefined && session;
      },
      { timeoutMs, everyMs: 50 },
    );
  }

  /** Who sat beside it noticed nothing; nothing of it runs; what the runner needed for it was bounded. */
  async function nothingElseHappened({ runId }: Session): Promise<void> {
    await eventually(async () => (await processesOf(runId)).length === 0);
    const turns = bystander.events.filter(({ type }) => type === "turn.ended").length;
    await client.sessions.say(bystander.sessionId, { text: `Still ${turns}` });
    await bystander.turnEnd(turns + 1);
    await bystander.until(() => bystander.words.includes(`Still ${turns}!`));
  }

  // Seen red: without a bound of a line, of the error output that is kept, or of the message that is repeated at its end, the
  // runner grew by as much as the agent wrote. The bound of the queue holds where nobody reads: see hostile-agents.long.test.ts
  // of the package of agents.
  it.each([
    ["words", `words ${FLOOD}`, "COMPLETED", "finished"],
    ["small thoughts", `thoughts ${2 * MB}`, "COMPLETED", "finished"],
    ["errors", `stderr ${5 * FLOOD}`, "COMPLETED", "finished"],
    ["one line", `line ${FLOOD}`, "COMPLETED", "finished"],
    ["what is no protocol", "garbage", "FAILED", "protocol_error"],
    ["bytes that are no text", "binary", "FAILED", "protocol_error"],
    ["answers that nobody waits for", "ids", "FAILED", "protocol_error"],
    ["calls of methods that are none", "methods", "COMPLETED", "finished"],
  ])("floods with %s", async (_what, task, state, reason) => {
    const before = await peakAfter(env.runner.pid, async () => undefined);
    let ended: Session | undefined;
    const session = await open("hostile", task);

    const peak = await peakAfter(env.runner.pid, async () => void (ended = await endOf(session)));

    expect(ended).toMatchObject({ state, reason });
    expect(peak - before).toBeLessThan(MEMORY_KB);
    await nothingElseHappened(session);
  });

  it.each([
    ["exits", "agent_failed"],
    ["closes", "agent_failed"],
    ["babbles", "agent_failed"],
    ["shouts", "agent_failed"],
    ["leaves", "agent_failed"],
  ])("%s before it says hello", async (agent, reason) => {
    const session = await open(agent);

    const ended = await endOf(session);

    expect(ended).toMatchObject({ state: "FAILED", reason });
    expect(ended.message).not.toBe("");
    await nothingElseHappened(session);
  });

  it("never says hello", async () => {
    const ended = await endOf(silent, 60_000);

    expect(ended).toMatchObject({ state: "FAILED", reason: "agent_silent" });
    await nothingElseHappened(silent);
  });

  it.each([
    ["exits in the middle of its turn", "exits", "agent_crashed"],
    ["closes its output and goes on", "closes", "agent_crashed"],
    ["exits, and a daemon holds its streams open", "leaves", "agent_crashed"],
  ])("%s", async (_what, task, reason) => {
    const session = await open("hostile", task);

    const ended = await endOf(session);

    expect(ended).toMatchObject({ state: "FAILED", reason });
    await nothingElseHappened(session);
  });

  it("is deaf, with a daemon: a stop ends both", async () => {
    const session = await open("hostile", "deaf");
    const pid = await daemonOf(env, session);
    await eventually(async () => (await client.sessions.get(session.sessionId)).isWorking);

    await client.sessions.stop(session.sessionId, { reason: "enough" });
    const ended = await endOf(session);

    expect(ended).toMatchObject({ state: "COMPLETED", reason: "stopped" });
    await nothingElseHappened(session);
    if (!isEnclosed) await eventually(async () => !(await isAlive(pid)));
  });

  // Without a sandbox or a cgroup, one that wiped its environment, left the session and lost its parent is not found.
  it("leaves a daemon that has nothing to be known by: a stop ends it", async ({ skip }) => {
    skip(!isEnclosed, "this runner has no sandbox");
    const mark = `mark-${randomUUID()}`;
    const session = await open("hostile", `unmarked ${mark}`);
    await eventually(async () => (await processesWith(`: ${mark};`)).length > 0);

    await client.sessions.stop(session.sessionId);
    const ended = await endOf(session);

    expect(ended).toMatchObject({ state: "COMPLETED", reason: "stopped" });
    await eventually(async () => (await processesWith(`: ${mark};`)).length === 0);
    await nothingElseHappened(session);
  });

  it("asks ten thousand times: a few are heard, the others are refused, and a stop leaves none open", async () => {
    const session = await open("hostile", "approvals 10000");
    const waiting = await eventually(async () => {
      const { pendingApprovals, state } = await client.sessions.get(session.sessionId);
      return state === "WAITING_FOR_APPROVAL" && pendingApprovals.length >= 64 && pendingApprovals;
    });
    const peak = await peakAfter(env.runner.pid, async () => undefined);
    await client.sessions.stop(session.sessionId);
    const ended = await endOf(session);

    expect(waiting).toHaveLength(64);
    expect(peak).toBeLessThan(MEMORY_KB * 2);
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "stopped", pendingApprovals: [] });
    const { items } = await client.approvals.list({ sessionId: session.sessionId, limit: 100 });
    expect(new Set(items.map(({ state }) => state))).toEqual(new Set(["superseded"]));
    await nothingElseHappened(session);
  });

  it("asks for something else under the name of what was shown: a yes to that does not count for this", async () => {
    const session = await open("hostile", "swap");
    await using follower = new SessionFollower(client, session.sessionId, session.runId);
    const shown = await follower.approval(1);
    const hidden = await follower.approval(2);

    const { approvalId, contentHash } = shown;
    const yes = client.approvals.resolve(approvalId, { decision: "allow", contentHash });
    await expect(yes).rejects.toMatchObject({ code: "INVALID_STATE" });
    await client.approvals.resolve(hidden.approvalId, { decision: "deny" });
    const ended = await follower.end();

    expect([shown, hidden].map(({ context }) => context["command"] ?? context["title"])).toEqual([
      "echo harmless",
      "rm -rf /",
    ]);
    expect(follower.words).toContain('told: "n"');
    expect(ended.state).toBe("COMPLETED");
    await nothingElseHappened(session);
  });

  it("takes back what it asks, again and again: after a thousand times it is not heard", async () => {
    const session = await open("hostile", "fickle 20000");

    const ended = await endOf(session, 60_000);
    const { items } = await client.approvals.list({ sessionId: session.sessionId, limit: 100 });

    expect(ended).toMatchObject({ state: "COMPLETED", pendingApprovals: [] });
    expect(ended.lastSeq).toBeLessThan(5_000);
    expect(new Set(items.map(({ state }) => state))).toEqual(new Set(["superseded"]));
    await nothingElseHappened(session);
  });

  it("asks without end and reads no answer: it is not heard, and a stop ends it", async () => {
    const before = await peakAfter(env.runner.pid, async () => undefined);
    const session = await open("hostile", "unread");
    await eventually(async () => (await client.sessions.get(session.sessionId)).pendingApprovals.length >= 64);

    const peak = await peakAfter(env.runner.pid, async () => {
      await client.sessions.stop(session.sessionId);
      await endOf(session);
    });

    expect(peak - before).toBeLessThan(MEMORY_KB);
    await nothingElseHappened(session);
  });

  it("leaves, after all of them, data that adds up", async () => {
    await client.sessions.stop(bystander.sessionId);
    await bystander.end();

    expect(await findDamage(env.server)).toEqual([]);
  });
});

/** The most memory that a process had while something was done, in kB. */
async function peakAfter(pid: number, doing: () => Promise<void>): Promise<number> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  await doing();
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
}

/** What its agent's daemon calls itself; in a sandbox that is another number than outside. */
async function daemonOf(env: DevEnv, { runId }: Session): Promise<number> {
  const folder = `${env.runner.dataDir}/workspaces`;
  return eventually(async () => {
    const names = await readdir(folder, { recursive: true });
    const found = names.find((name) => name.includes(runId) && name.endsWith("daemon.pid"));
    return found !== undefined && Number(await readFile(`${folder}/${found}`, "utf8"));
  });
}
