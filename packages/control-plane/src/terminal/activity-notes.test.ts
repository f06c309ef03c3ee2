import type { SignalboxStore } from "@signalbox/store";
import { ManualClock } from "@signalbox/testkit";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import { SessionLog } from "../session/session-log.ts";
import { ActivityNotes } from "./activity-notes.ts";

/** Notes of typing in one session that may be inactive for so long; `noted` has the times at which they were made. */
function typist(inactivityMs: number | undefined) {
  const clock = new ManualClock(0);
  const noted: number[] = [];
  const warnings: unknown[] = [];
  let error: Error | undefined;
  const store = {
    async run(_unit: string, { now }: { now: number }) {
      noted.push(now);
      if (error) throw error;
      return inactivityMs === undefined ? undefined : { inactivityMs };
    },
  };
  const logger = { warn: (about: unknown) => warnings.push(about) };
  const notes = new ActivityNotes({
    // What it uses of each.
    store: store as unknown as SignalboxStore,
    logger: logger as never,
    sessionLog: new SessionLog({ store: store as unknown as SignalboxStore }),
    clock,
  });
  const type = async (afterMs = 0) => {
    clock.advance(afterMs);
    notes.typed("ses_1.0");
    await turn();
  };
  return { clock, noted, warnings, notes, type, fail: (with_: Error | undefined) => void (error = with_) };
}

describe("typing in a session", () => {
  it("is noted at the first key, then now and then, and at the last key", async () => {
    const { clock, noted, type } = typist(1_800_000);

    for (let key = 0; key < 100; key++) await type(500);
    clock.advance(60_000);
    await turn();

    // The first key, every fifteen seconds after it, and the end of the quarter-minute in which the last key fell.
    expect(noted).toEqual([500, 15_500, 30_500, 45_500, 60_500]);
  });

  it("is noted more often where a session may not be inactive for long", async () => {
    const { clock, noted, type } = typist(2_000);

    for (let key = 0; key < 4; key++) await type(250);
    clock.advance(60_000);
    await turn();

    expect(noted).toEqual([250, 750, 1_250]);
  });

  it("is noted once where there is nothing to note", async () => {
    const { clock, noted, type, notes } = typist(undefined);

    for (let key = 0; key < 10; key++) await type(20_000);
    clock.advance(60_000);
    const once = [...noted];
    notes.forget("ses_1.0");
    await type();

    expect(once).toEqual([20_000]);
    expect(noted).toHaveLength(2);
  });

  it("goes on being noted after one note was not", async () => {
    const { noted, type, fail, warnings } = typist(1_800_000);
    fail(new Error("the disk is full"));

    await type();
    fail(undefined);
    await type(20_000);

    expect([noted, warnings.length]).toEqual([[0, 20_000], 1]);
  });

  it("is not noted any more once the session is forgotten", async () => {
    const { clock, noted, type, notes } = typist(1_800_000);
    await type();
    await type(1_000);

    notes.forget("ses_1.0");
    clock.advance(60_000);
    await turn();

    expect(noted).toEqual([0]);
  });
});
