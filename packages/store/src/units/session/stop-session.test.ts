import type { SessionEndReason, SessionState } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { READY, Rig } from "../../../test/_support/session-rig.ts";

const stop = (rig: Rig, reason?: string) =>
  rig.fleet.store.run("stopSession", { ...rig.about(), ...(reason === undefined ? {} : { reason }) });
const begin = (rig: Rig) => rig.record({ fact: "turn_started" });
const ended = (rig: Rig) => rig.record({ fact: "turn_ended", status: "completed" });

/** A session whose agent has done its first turn, and has nothing to do. */
async function idle(): Promise<Rig> {
  const rig = await Rig.ready({ mode: "interactive" });
  await rig.turn();
  return rig;
}

/** When somebody stops it, what has become of it by then, and what that stop means. */
const MOMENTS: readonly [string, () => Promise<Rig>, "stopped" | "closed"][] = [
  ["before a runner has it", () => Rig.open(), "stopped"],
  [
    "before its agent is ready",
    async () => {
      const rig = await Rig.open();
      await rig.hold();
      return rig;
    },
    "stopped",
  ],
  ["before its first turn", () => Rig.ready(), "stopped"],
  ["in the middle of a turn", async () => after(await Rig.ready(), begin), "stopped"],
  ["right behind a prompt", async () => after(await idle(), (rig) => rig.say("more")), "stopped"],
  [
    "behind a prompt that its runner has taken",
    async () =>
      after(await idle(), async (rig) => {
        await rig.say("more");
        await rig.record({ fact: "taken", seq: 1 });
      }),
    "stopped",
  ],
  ["with nothing to do", idle, "closed"],
  [
    "while it waits for an approval",
    async () =>
      after(await Rig.ready(), async (rig) => {
        await begin(rig);
        await rig.ask();
      }),
    "stopped",
  ],
  [
    "paused in the middle of a turn that has not ended",
    async () =>
      after(await Rig.ready(), async (rig) => {
        await begin(rig);
        await rig.fleet.store.run("pauseSession", rig.about());
      }),
    "stopped",
  ],
  [
    "paused in the middle of a turn that has ended since",
    async () =>
      after(await Rig.ready(), async (rig) => {
        await begin(rig);
        await rig.fleet.store.run("pauseSession", rig.about());
        await rig.record({ fact: "taken", seq: 1 }, { fact: "turn_ended", status: "cancelled" });
      }),
    "stopped",
  ],
  [
    "paused with nothing to do",
    async () => after(await idle(), (rig) => rig.fleet.store.run("pauseSession", rig.about())),
    "closed",
  ],
  [
    "after the loss of its runner in the middle of a turn",
    async () =>
      after(await Rig.ready(), async (rig) => {
        await begin(rig);
        await rig.fleet.lose(rig.held);
      }),
    "stopped",
  ],
  [
    "after the loss of its runner with nothing to do",
    async () => after(await idle(), (rig) => rig.fleet.lose(rig.held)),
    "closed",
  ],
  [
    "while it is asked for its diff",
    async () =>
      after(await idle(), (rig) => rig.fleet.store.run("askDiff", { ...rig.about(), requestId: "d1", pack: false })),
    "closed",
  ],
];

async function after(rig: Rig, doing: (rig: Rig) => Promise<unknown>): Promise<Rig> {
  await doing(rig);
  return rig;
}

/** What its agent and its runner may do before they are gone. */
const MEANWHILE: readonly [string, (rig: Rig) => Promise<unknown>][] = [
  ["it obeys", (rig) => rig.fleet.finish(rig.held, { outcome: "cancelled" })],
  [
    "its turn ends as if nothing had been",
    async (rig) => {
      await begin(rig);
      await ended(rig);
      await rig.fleet.finish(rig.held, {}, {});
    },
  ],
  [
    "its turn fails",
    async (rig) => {
      await begin(rig);
      await rig.record({ fact: "turn_ended", status: "failed", error: "agent_error: cut off" });
      await rig.fleet.finish(rig.held, { outcome: "failed", reason: "tool_failure" });
    },
  ],
  [
    "its agent crashes",
    async (rig) => {
      await rig.record({ fact: "ended", reason: "agent_crashed", message: "it ended with exit code 1" });
      await rig.fleet.finish(rig.held, { outcome: "failed", reason: "runtime_error" });
    },
  ],
  [
    "its agent asks",
    async (rig) => {
      await rig.ask();
      await rig.fleet.finish(rig.held, { outcome: "cancelled" });
    },
  ],
  ["its time is over", (rig) => rig.fleet.finish(rig.held, { outcome: "failed", reason: "timeout" })],
  [
    "it is stopped again, and again",
    async (rig) => {
      await stop(rig, "now!");
      await stop(rig);
      await rig.fleet.finish(rig.held, { outcome: "cancelled" });
    },
  ],
];

async function endOf(
  rig: Rig,
): Promise<{ state: SessionState; reason: SessionEndReason | null; message: string | null }> {
  const { reason, message } = await rig.progress();
  return { state: await rig.state(), reason, message };
}

// Seen red: what it meant depended on how far a prompt or a pause had come, and a time-out or another attempt undid it.
describe.each(MOMENTS)("a session that is stopped %s", (_when, at, reason) => {
  it.each(MEANWHILE)("ends as somebody stopped it, though %s", async (_what, meanwhile) => {
    await using rig = await at();
    const { session } = await stop(rig, "enough");
    if (session.holder) await meanwhile(rig);

    expect(await endOf(rig)).toEqual({ state: "COMPLETED", reason, message: "enough" });
    expect((await rig.approvals()).map(({ state }) => state).filter((state) => state === "pending")).toEqual([]);
  });

  it("ends as somebody stopped it, though its runner is lost", async () => {
    await using rig = await at();
    const { session } = await stop(rig, "enough");
    if (session.holder) await rig.fleet.lose(rig.held);
    if ((await rig.row()).ended_at === null) {
      // One that is closed in good order is so by its next runner.
      await rig.hold();
      await rig.bytes(READY);
      await rig.fleet.finish(rig.held, {}, {});
    }

    expect(await endOf(rig)).toEqual({ state: "COMPLETED", reason, message: "enough" });
  });
});

describe("a session whose agent is gone", () => {
  const gone = ({ fleet, held: { attemptId, epoch, runnerId } }: Rig) =>
    fleet.store.run("noteAgentEnded", { attemptId, epoch, runnerId, now: fleet.now });

  it("says so once, when somebody ended it, and ends with its attempt as before", async () => {
    await using rig = await Rig.ready();
    await begin(rig);
    await stop(rig, "enough");

    await gone(rig);
    await gone(rig);
    const meanwhile = [await rig.state(), (await rig.progress()).agentEndedAt];
    await rig.record({ fact: "usage", usage: { inputTokens: 3, outputTokens: 4 } });
    await rig.fleet.finish(rig.held, { outcome: "cancelled" });

    expect(meanwhile).toEqual(["RUNNING", rig.fleet.now]);
    expect((await rig.events()).filter((type) => type === "agent.ended")).toHaveLength(1);
    expect((await rig.progress()).usage).toMatchObject({ inputTokens: 3, outputTokens: 4 });
    expect(await endOf(rig)).toEqual({ state: "COMPLETED", reason: "stopped", message: "enough" });
  });

  it("says nothing of it when it ends by itself, when it has ended, or to another attempt", async () => {
    await using rig = await Rig.ready();
    await begin(rig);

    await gone(rig);
    const ofLost = rig.held;
    await rig.fleet.lose(rig.held);
    await rig.hold();
    await stop(rig);
    const { attemptId, epoch, runnerId } = ofLost;
    await rig.fleet.store.run("noteAgentEnded", { attemptId, epoch, runnerId, now: rig.fleet.now });
    await rig.fleet.finish(rig.held, { outcome: "cancelled" });
    await gone(rig);

    expect(await rig.events()).not.toContain("agent.ended");
  });
});

describe("a session of a run that has more steps", () => {
  async function among(): Promise<Rig> {
    const alone = await Rig.open();
    const { fleet } = alone;
    const retry = { maxAttempts: 3 };
    const { runId } = await fleet.createRun([
      { name: "session", tool: "agent:codex", inputs: { task: "Do it" } as never, retry },
      { name: "after", tool: "echo" },
    ]);
    const rig = new Rig(fleet, runId);
    await rig.hold();
    await rig.bytes(READY);
    await begin(rig);
    return rig;
  }

  it("is stopped at once, by its attempt and by a word that outlives a connection", async () => {
    await using rig = await among();

    const { attemptId, run, session } = await stop(rig, "enough");

    expect(attemptId).toBe(rig.held.attemptId);
    expect(run).toBeUndefined();
    expect(session.commands).toMatchObject([{ command: { kind: "close", reason: "stopped", message: "enough" } }]);
  });

  // Seen red: the step was tried again, and the stop forgotten.
  it.each([
    ["its agent crashes", (rig: Rig) => rig.fleet.finish(rig.held, { outcome: "failed", reason: "tool_failure" })],
    ["its runner is lost", (rig: Rig) => rig.fleet.lose(rig.held)],
    ["it obeys", (rig: Rig) => rig.fleet.finish(rig.held, { outcome: "cancelled" })],
  ])("is not tried again once it was stopped, though %s", async (_what, meanwhile) => {
    await using rig = await among();
    await stop(rig, "enough");
    await stop(rig, "now!");

    await meanwhile(rig);

    expect(await endOf(rig)).toEqual({ state: "COMPLETED", reason: "stopped", message: "enough" });
  });
});
