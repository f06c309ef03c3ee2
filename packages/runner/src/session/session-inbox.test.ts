import type { SessionCommand } from "@signalbox/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SessionInbox } from "./session-inbox.ts";

const prompt = (seq: number): SessionCommand => ({ kind: "prompt", inputId: `inp_${seq}`, text: String(seq) });
const deliver = (inbox: SessionInbox, seq: number, taken: number) =>
  inbox.deliver({ seq, taken, command: prompt(seq) });

/** The numbers that have come, in the order in which a reader gets them. */
async function taken(inbox: SessionInbox, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { seq } of inbox) {
    numbers.push(seq);
    if (numbers.length === count) return numbers;
  }
  return numbers;
}

describe("the inbox of a session", () => {
  it("gives each number once and in order, however often and in whatever order they come", async () => {
    const deliveries = fc
      .tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 12 }))
      .chain(([before, count]) => {
        const all = Array.from({ length: count }, (_, index) => before + 1 + index);
        const extra = fc.array(fc.constantFrom(...all), { maxLength: 20 });
        return extra.chain((more) =>
          fc
            .shuffledSubarray([...all, ...more], { minLength: count + more.length })
            .map((order) => ({ before, all, order })),
        );
      });

    await fc.assert(
      fc.asyncProperty(deliveries, async ({ before, all, order }) => {
        const inbox = new SessionInbox();

        for (const seq of order) deliver(inbox, seq, before);

        expect(await taken(inbox, all.length)).toEqual(all);
      }),
    );
  });

  it("begins after what was never this attempt's, and waits for nothing that was taken already", async () => {
    const inbox = new SessionInbox();

    deliver(inbox, 8, 7);
    deliver(inbox, 7, 7);
    deliver(inbox, 10, 8);
    deliver(inbox, 9, 8);

    expect(await taken(inbox, 3)).toEqual([8, 9, 10]);
  });

  it("lets its reader wait, and come to an end", async () => {
    const inbox = new SessionInbox();
    const reading = taken(inbox, 5);

    deliver(inbox, 1, 0);
    deliver(inbox, 2, 0);
    await new Promise(setImmediate);
    inbox.close();
    deliver(inbox, 3, 0);

    expect(await reading).toEqual([1, 2]);
  });
});
