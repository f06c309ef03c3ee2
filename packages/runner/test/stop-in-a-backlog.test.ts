import type { ScriptStepInput } from "@signalbox/agents/scripted-agent";
import type { SessionCommand } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startFleet, type Fleet } from "./_support/fleet.ts";
import { isAlive } from "./_support/processes.ts";
import { SCRIPTED, Talk } from "./_support/talk.ts";

const MB = 1_048_576;
/** While so much is not acknowledged there is no room for more; it is less than may be under way. */
const PAUSE_BYTES = MB / 2;
const FLOOD: ScriptStepInput[] = [{ do: "flood", bytes: 1_000 * MB }, { do: "hang" }];

/** A session whose agent floods, and of whose output the control plane acknowledges nothing: no room is left for its words. */
async function flooded(): Promise<{ fleet: Fleet; talk: Talk }> {
  const config = { agents: new Map([["scripted", SCRIPTED]]), spool: { maxBytes: 16 * MB, pauseBytes: PAUSE_BYTES } };
  const fleet = await startFleet(config, (fake) => {
    fake.acknowledgesOutput = false;
    // What is sent once must not meet a connection that a busy machine takes for dead.
    fake.intervals = { ...fake.intervals, heartbeatMs: 10_000 };
  });
  const talk = new Talk(fleet, FLOOD, {}, { envelope: { sandbox: "none" }, cancelGraceMs: 300 });
  await eventually(() => fleet.fake.output(talk.attempt, "agent").length > PAUSE_BYTES);
  return { fleet, talk };
}

const tell =
  (command: SessionCommand) =>
  (_fleet: Fleet, talk: Talk): void =>
    talk.tell(command);

// Seen red: what was told to a session waited until its record had room, which came with the next acknowledgement.
describe("an agent that floods, while nothing of its output is acknowledged", { timeout: 30_000 }, () => {
  it.each([
    [
      "a cancel",
      ({ fake }: Fleet, { attempt }: Talk) => {
        const { attemptId, epoch } = attempt.grant;
        fake.send({ type: "cancel", attemptId, epoch, mode: "cancel" });
      },
      { outcome: "cancelled" },
    ],
    ["the end of its session", tell({ kind: "close", reason: "stopped" }), { outcome: "failed", reason: "cancelled" }],
    [
      "an interrupt, and then the end",
      (_: Fleet, talk: Talk) => {
        talk.tell({ kind: "interrupt" });
        talk.tell({ kind: "close", reason: "closed" });
      },
      { outcome: "succeeded" },
    ],
  ])("is gone after %s, which is told ahead of all that it said", async (_what, stop, ended) => {
    const { fleet, talk } = await flooded();
    await using _ = fleet;
    const { attemptId, epoch } = talk.attempt.grant;

    stop(fleet, talk);
    const told = await eventually(() => fleet.fake.of("agent_ended").at(0));

    expect(told).toMatchObject({ attemptId, epoch });
    expect(await isAlive(attemptId)).toBe(false);
    expect(talk.attempt.result).toBeUndefined();
    fleet.fake.answerHeld();
    expect(await talk.result()).toMatchObject(ended);
    // All that was kept of its words has come, whole lines to the last.
    expect(talk.said.at(-1)?.type).toBe("process.exited");
  });
});
