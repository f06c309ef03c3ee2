import { writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

import type { AgentEvent } from "@signalbox/agents";
import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { SHORT_LEASES, startDevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { SEED, seededRandom } from "../_support/seeded-random.ts";
import { SessionFollower } from "../_support/session-follower.ts";

/** A session may be lost five times. */
const KILLS = 4;
const INPUTS = 10;
const SCRIPT: AgentScriptInput = { turns: [{ steps: [{ do: "say", text: "You said: {prompt}", pauseMs: 5 }] }] };
const AGAIN = "You may have been told this before";

/** A turn as it is on record: what it was about, and whether the agent did anything in it. */
interface Turn {
  readonly prompt: string;
  isHeard: boolean;
}

function turnsOf(said: readonly AgentEvent[]): Turn[] {
  const turns: Turn[] = [];
  for (const event of said) {
    if (event.type === "turn.started") turns.push({ prompt: event.prompt ?? "", isHeard: false });
    const turn = turns.at(-1);
    if (turn && event.type === "text.delta") turn.isHeard = true;
  }
  return turns;
}

// Seen red: an input that was told between the taking of another and its turn was lost without any kill.
describe(`a session whose runner is killed at any moment (seed ${SEED})`, () => {
  it("loses nothing that it was told, and is told nothing twice that it heard", { timeout: 120_000 }, async () => {
    const random = seededRandom(SEED);
    await using env = await startDevEnv({ runners: 0, limits: SHORT_LEASES });
    await writeFile(env.dir.file("script.json"), JSON.stringify(SCRIPT));
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
    await env.addRunner({ env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    const { client } = env;
    const request = { providerId: "scripted", task: "input-0.", mode: "interactive" } as const;
    const { sessionId, runId } = await client.sessions.create(request);
    await using follower = new SessionFollower(client, sessionId, runId);
    await follower.until(({ types }) => types.includes("session.started"));

    let said = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      for (const until = ((kill + 1) * INPUTS) / KILLS; said < until;) {
        await client.sessions.say(sessionId, { text: `input-${++said}.` });
        await pause(random(40));
      }
      await env.runner.restart();
      await pause(random(400));
    }
    const isSilent = async () => {
      const { queue, isWorking, state } = await client.sessions.get(sessionId);
      const isTold = follower.types.filter((type) => type === "input.taken").length >= said;
      return (
        isTold && state === "RUNNING" && queue.length === 0 && !isWorking && follower.types.at(-1) === "turn.ended"
      );
    };
    await eventually(isSilent, { timeoutMs: 60_000 });
    await client.sessions.stop(sessionId);
    const ended = await follower.end();

    const turns = turnsOf(follower.said);
    const about = (input: number) => turns.filter(({ prompt }) => prompt.endsWith(`input-${input}.`));
    const all = Array.from({ length: said + 1 }, (_, input) => input);
    expect(all.filter((input) => !about(input).some(({ isHeard }) => isHeard))).toEqual([]);
    // Only between the agent's first word and the disk can one be heard twice; then it was told that it may have been.
    const twice = all.map(about).filter((own) => own.filter(({ isHeard }) => isHeard).length > 1);
    expect(twice.filter((own) => !own.at(-1)?.prompt.startsWith(AGAIN))).toEqual([]);
    expect(ended.state).toBe("COMPLETED");
    expect(await findDamage(env.server)).toEqual([]);
  });
});
