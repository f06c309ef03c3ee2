import { describe, expect, it } from "vitest";

import { Rig } from "../../../test/_support/session-rig.ts";

const MINUTE = 60_000;

/** A session with an agent that has done its first turn and may have nothing to do for ten minutes. */
async function idle(): Promise<Rig> {
  const rig = await Rig.ready({ mode: "interactive", inactivityMs: 10 * MINUTE });
  await rig.turn();
  return rig;
}

/** Lets time pass, and fires what is due by then. Whether the session was told to end. */
async function isClosedAfter(rig: Rig, ms: number): Promise<boolean> {
  rig.fleet.now += ms;
  for (const { id, due_at } of await rig.fleet.timers()) if (due_at <= rig.fleet.now) await rig.fleet.fire(id);
  return (await rig.commands()).includes("close inactive");
}

const type = (rig: Rig) => rig.fleet.store.run("noteActivity", { sessionId: rig.sessionId, now: rig.fleet.now });

describe("a session with nothing to do", () => {
  it("is closed once that has been so for too long", async () => {
    await using rig = await idle();

    expect(await isClosedAfter(rig, 10 * MINUTE - 1)).toBe(false);
    expect(await isClosedAfter(rig, 1)).toBe(true);
  });

  it("is not, while somebody types in it, and is once nobody does", async () => {
    await using rig = await idle();
    for (let count = 0; count < 5; count++) {
      expect(await isClosedAfter(rig, 9 * MINUTE)).toBe(false);
      await type(rig);
    }

    expect(await isClosedAfter(rig, 10 * MINUTE - 1)).toBe(false);
    expect(await isClosedAfter(rig, 1)).toBe(true);
  });

  it("is not, while somebody is asked, and has all its time again after the answer", async () => {
    await using rig = await idle();
    const asking = { ...rig.about(), action: "merge", description: "", context: {}, expiresInMs: 60 * MINUTE };
    await rig.fleet.store.run("requestApproval", asking);
    expect(await isClosedAfter(rig, 20 * MINUTE)).toBe(false);

    await rig.resolve("deny", { now: rig.fleet.now });

    expect(await isClosedAfter(rig, 10 * MINUTE - 1)).toBe(false);
    expect(await isClosedAfter(rig, 1)).toBe(true);
  });

  it("has all its time after an approval that nobody answered", async () => {
    await using rig = await idle();
    const asking = { ...rig.about(), action: "merge", description: "", context: {}, expiresInMs: 20 * MINUTE };
    await rig.fleet.store.run("requestApproval", asking);

    expect(await isClosedAfter(rig, 20 * MINUTE)).toBe(false);
    expect(await isClosedAfter(rig, 10 * MINUTE)).toBe(true);
  });

  it("has all its time on another runner", async () => {
    await using rig = await idle();
    await rig.fleet.lose(rig.held);
    expect(await isClosedAfter(rig, 20 * MINUTE)).toBe(false);
    await rig.hold();
    await rig.record({ fact: "ready", hasTerminal: false });

    expect(await isClosedAfter(rig, 10 * MINUTE - 1)).toBe(false);
    expect(await isClosedAfter(rig, 1)).toBe(true);
  });
});

describe("that somebody types", () => {
  it("changes nothing for an agent at work, whose turn ends later", async () => {
    await using rig = await idle();
    await rig.say("more");
    await rig.record({ fact: "taken", seq: 1 }, { fact: "turn_started" });

    const noted = await type(rig);

    expect(noted).toEqual({ inactivityMs: 10 * MINUTE });
  });

  it("is nothing where the session has ended, or never was", async () => {
    await using rig = await idle();
    await rig.fleet.finish(rig.held, { outcome: "failed", reason: "timeout" });

    expect(await type(rig)).toBeUndefined();
    expect(await rig.fleet.store.run("noteActivity", { sessionId: "ses_9.0", now: 1 })).toBeUndefined();
  });
});
