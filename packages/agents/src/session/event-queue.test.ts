import { describe, expect, it } from "vitest";

import type { AgentEvent } from "../agent-event.ts";
import { EventQueue } from "./event-queue.ts";

const used = (inputTokens: number, contextTokens?: number): AgentEvent => ({
  type: "usage",
  total: { inputTokens, outputTokens: 0 },
  ...(contextTokens === undefined ? {} : { contextTokens }),
});
const said = (text: string): AgentEvent => ({ type: "text.delta", messageId: "m1", text });

async function readAll(queue: EventQueue): Promise<AgentEvent[]> {
  queue.end();
  const events: AgentEvent[] = [];
  for await (const event of queue) events.push(event);
  return events;
}

describe("EventQueue", () => {
  it("keeps of totals that follow each other the last, with what only those before it said", async () => {
    const queue = new EventQueue({ events: 10, bytes: 1_000 });

    for (const event of [used(1, 7), used(2), said("a"), used(3), used(4)]) queue.push(event, 10);

    expect(await readAll(queue)).toEqual([used(2, 7), said("a"), used(4)]);
  });

  it("is not filled by an agent that only counts", async () => {
    const queue = new EventQueue({ events: 10, bytes: 1_000 });

    for (let tokens = 1; tokens <= 10_000; tokens++) queue.push(used(tokens), 100);

    expect(queue.isFull).toBe(false);
    expect(await readAll(queue)).toEqual([used(10_000)]);
  });
});
