import { PassThrough } from "node:stream";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { LoopShare } from "./loop-share.ts";
import { EventQueue } from "./session/event-queue.ts";
import { readLines } from "./session/read-lines.ts";

const SHARE_MS = 5;
const LINES = 100;

/** A share whose time goes on by one millisecond with each look at it, and whose turns begin when they are told to. */
function handDriven() {
  let nowMs = 0;
  const begins: (() => void)[] = [];
  const share = new LoopShare({ monotonic: () => nowMs++, nextTurn: (begin) => begins.push(begin) });
  return {
    share,
    whenTurn: () => share.whenTurn(SHARE_MS),
    nextTurn: () => begins.splice(0).forEach((begin) => begin()),
  };
}

describe("LoopShare", () => {
  it("lets work go on until the turn has lasted long enough, and then in the next", async () => {
    const { whenTurn, nextTurn } = handDriven();

    const first = Array.from({ length: SHARE_MS }, whenTurn);
    const late = [whenTurn(), whenTurn()].filter((wait) => wait !== undefined);
    nextTurn();

    expect(first).toEqual(first.map(() => undefined));
    expect(late).toHaveLength(2);
    await Promise.all(late);
    expect(whenTurn()).toBeUndefined();
  });

  // Seen red: without it all that lay in the pipes was taken before anything else was heard.
  it("is shared by all agents that flood: in one turn they say together what one of them could", async () => {
    const { whenTurn, nextTurn } = handDriven();
    let taken = 0;
    const readings = Array.from({ length: 4 }, () => {
      const stream = new PassThrough();
      stream.end("{}\n".repeat(LINES));
      const take = async () => void (taken += 1);
      return readLines({ stream, maxBytes: 1_000, whenRoom: () => undefined, whenTurn, take });
    });

    await eventually(() => taken >= SHARE_MS);
    const inOneTurn: number[] = [];
    while (taken < 4 * LINES) {
      const before = taken;
      nextTurn();
      await new Promise((resolve) => setImmediate(resolve));
      inOneTurn.push(taken - before);
    }
    await Promise.all(readings);

    expect(Math.max(...inOneTurn)).toBeLessThanOrEqual(2 * SHARE_MS);
    expect(inOneTurn.length).toBeGreaterThan((4 * LINES) / (2 * SHARE_MS) - 1);
  });

  it("holds back also whoever reads what they said", async () => {
    const { whenTurn, nextTurn } = handDriven();
    const queue = new EventQueue({ events: LINES, bytes: 1_000, whenTurn });
    for (let count = 0; count < LINES; count++) queue.push({ type: "text.delta", messageId: "m", text: "" });
    queue.end();
    let read = 0;

    const reading = (async () => {
      for await (const _ of queue) read += 1;
    })();
    await new Promise((resolve) => setImmediate(resolve));
    const inFirstTurn = read;
    while (read < LINES) {
      nextTurn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    nextTurn();
    await reading;

    expect(inFirstTurn).toBeLessThanOrEqual(SHARE_MS);
  });
});
