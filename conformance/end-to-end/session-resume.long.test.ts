import { writeFile } from "node:fs/promises";

import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import type { Client } from "@signalbox/client";
import type { LimitOverrides, Session, SessionEventData } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import type { RunnerProcess } from "../_support/runner-process.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** What the agent does, by words in what it is told; what it was told before may be among them. */
const SCRIPT: AgentScriptInput = {
  turns: [
    { when: "You may have been told", steps: [{ do: "say", text: "Told again: {prompt} " }] },
    { when: "You were interrupted. Go on", steps: [{ do: "say", text: "Going on from {earlier}: {prompt} " }] },
    {
      when: "boat",
      steps: [
        { do: "say", text: "The hull is done. " },
        { do: "tool", title: "caulk it", ask: false, output: "dry" },
        { do: "hang" },
      ],
    },
    { when: "quietly", steps: [{ do: "hang" }] },
    { steps: [{ do: "say", text: "You said: {prompt}. " }] },
  ],
};

/** A server with so many runners, whose scripted agents play `SCRIPT`. */
async function startEnv(runners: number, limits: LimitOverrides = {}): Promise<DevEnv> {
  const env = await startDevEnv({ runners: 0, limits: { ...SHORT_LEASES, ...limits } });
  await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
  await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
  for (let count = 0; count < runners; count++) {
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
  }
  return env;
}

async function open(client: Client, task: string): Promise<{ session: Session; follower: SessionFollower }> {
  const session = await client.sessions.create({ providerId: "scripted", task, mode: "interactive" });
  return { session, follower: new SessionFollower(client, session.sessionId, session.runId) };
}

/** The runner that has the session. */
async function holderOf(env: DevEnv, sessionId: string): Promise<RunnerProcess> {
  const { runnerId } = await env.client.sessions.get(sessionId);
  const holder = env.runners.find(({ id }) => id === runnerId);
  if (!holder) throw new Error(`nobody has ${sessionId}`);
  return holder;
}

/** How each start of the agent stood to what had been said before, as a user is told. */
function starts(follower: SessionFollower): SessionEventData<"session.started">[] {
  return follower.events
    .filter(({ type }) => type === "session.started")
    .map(({ data }) => data as SessionEventData<"session.started">);
}

async function closeInOrder(env: DevEnv, follower: SessionFollower): Promise<Session> {
  await env.client.sessions.stop(follower.sessionId);
  return follower.end();
}

describe("a session whose runner is lost in the middle of a turn", () => {
  it("is loaded where the runner comes back, and goes on", async () => {
    await using env = await startEnv(1);
    const { follower } = await open(env.client, "build a boat");
    await using _ = follower;
    await follower.until(({ words }) => words.includes("The hull is done."));

    await env.runner.restart();
    await follower.until(({ words }) => words.includes("Going on"));
    await follower.turnEnd(1);
    const ended = await closeInOrder(env, follower);

    expect(starts(follower)).toMatchObject([{ resumed: "fresh" }, { resumed: "loaded" }]);
    expect(starts(follower)[1]?.resumeFailure).toBeUndefined();
    expect(follower.types).toContain("session.interrupted");
    // It remembers: its own words and the prompt came before this one, and nobody told it of them.
    expect(follower.words).toMatch(/Going on from [2-9]: You were interrupted. Go on where you were. /);
    expect(ended).toMatchObject({ state: "COMPLETED", resumed: "loaded" });
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("is told to the agent of another runner, which takes over, and the user hears how and why", async () => {
    await using env = await startEnv(2);
    const { session, follower } = await open(env.client, "build a boat");
    await using _ = follower;
    const { sessionId } = session;
    await follower.until(({ said }) => said.some(({ type }) => type === "tool.ended"));
    await env.client.sessions.say(sessionId, { text: "and paint it" });

    const lost = await holderOf(env, sessionId);
    await lost.kill();
    await follower.until(({ words }) => words.includes("Going on"));
    await follower.turnEnd(2);
    const shown = await env.client.sessions.get(sessionId);
    const ended = await closeInOrder(env, follower);

    const [first, second] = starts(follower);
    expect([first?.resumed, second?.resumed]).toEqual(["fresh", "bootstrapped"]);
    expect(second?.runnerId).not.toBe(lost.id);
    expect(second?.resumeFailure).toMatch(/^not loaded: scripted: /);
    expect(shown).toMatchObject({ resumed: "bootstrapped", resumeFailure: second?.resumeFailure });
    // It remembers nothing, and was told all of it, in order; what it had done it was not asked to do again.
    expect(follower.words).toContain("Going on from 0: ");
    expect(follower.words).toContain(
      "<user>\nbuild a boat\n</user>\n<agent>\nThe hull is done. \n</agent>\n<tool>\ncaulk it: ok\n</tool>",
    );
    expect(follower.words.match(/The hull is done/g)).toHaveLength(2);
    // What waited was said once, after the turn that went on.
    expect(follower.words).toMatch(/You said: and paint it. $/);
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed", turns: 3 });
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("goes on elsewhere where its runner was stopped in good order", async () => {
    await using env = await startEnv(2);
    const { session, follower } = await open(env.client, "build a boat");
    await using _ = follower;
    await follower.until(({ said }) => said.some(({ type }) => type === "tool.ended"));

    await (await holderOf(env, session.sessionId)).terminate();
    await follower.until(({ words }) => words.includes("Going on"));
    await follower.turnEnd(1);
    const ended = await closeInOrder(env, follower);

    expect(starts(follower).map(({ resumed }) => resumed)).toEqual(["fresh", "bootstrapped"]);
    expect(follower.words).toContain("Now go on with this:\nYou were interrupted. Go on where you were.");
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("is begun anew where nothing of it is on record, and the user hears why", async () => {
    // Nothing that the agent says is kept.
    await using env = await startEnv(2, { "step.outputBytes": 1 });
    const { client } = env;
    const { sessionId } = await client.sessions.create({
      providerId: "scripted",
      task: "build a boat",
      mode: "interactive",
    });
    await eventually(async () => (await client.sessions.get(sessionId)).turns === 1);

    await (await holderOf(env, sessionId)).kill();
    const resumed = await eventually(async () => {
      const session = await client.sessions.get(sessionId);
      return session.resumeFailure !== undefined && session;
    });

    expect(resumed.resumed).toBe("fresh");
    expect(resumed.resumeFailure).toMatch(/^not loaded: scripted: .*; not told of it: nothing of it is on record$/s);
  });

  it("is told its task again where it had not done anything about it", async () => {
    await using env = await startEnv(2);
    const { session, follower } = await open(env.client, "work quietly");
    await using _ = follower;
    await follower.until(({ types }) => types.includes("turn.started"));

    await (await holderOf(env, session.sessionId)).kill();
    await follower.until(({ words }) => words.includes("Told again"));
    await follower.turnEnd(1);
    await closeInOrder(env, follower);

    expect(follower.words).toMatch(/before you do anything twice.\n\nwork quietly $/);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("is told an input again that it had not done anything about, once", async () => {
    await using env = await startEnv(2);
    const { client } = env;
    const { session, follower } = await open(client, "say hello");
    await using _ = follower;
    await follower.turnEnd(1);
    const { inputId } = await client.sessions.say(session.sessionId, { text: "work quietly" });
    await follower.until(({ types }) => types.filter((type) => type === "turn.started").length === 2);

    await (await holderOf(env, session.sessionId)).kill();
    await follower.until(({ words }) => words.includes("Told again"));
    await follower.turnEnd(2);
    await closeInOrder(env, follower);

    const about = follower.events.filter(({ data }) => (data as { inputId?: string }).inputId === inputId);
    expect(about.map(({ type }) => type)).toEqual(["input.queued", "input.taken", "input.returned", "input.taken"]);
    expect(follower.words).toContain("<user>\nwork quietly\n</user>");
    expect(follower.words.match(/Told again/g)).toHaveLength(1);
    expect(await findDamage(env.server)).toEqual([]);
  });
});
