import type { AgentEvent } from "@signalbox/agents";
import { describe, expect, it } from "vitest";

import { Hearing } from "./hearing.ts";

const EVENTS: Readonly<Record<string, AgentEvent>> = {
  prompt: { type: "turn.started", turnId: "turn-1", prompt: "build it" },
  steer: { type: "turn.steered", turnId: "turn-1", prompt: "in red" },
  word: { type: "text.delta", messageId: "m", text: "I" },
  tool: { type: "tool.started", toolCallId: "t", kind: "command", title: "make" },
  usage: { type: "usage", total: { inputTokens: 1, outputTokens: 1 } },
  end: { type: "turn.ended", turnId: "turn-1", status: "completed" },
};

describe("a sign that the agent has heard what it was told", () => {
  it.each([
    ["prompt word word tool end", [1]],
    ["prompt tool word", [1]],
    ["prompt word steer tool", [1, 3]],
    ["prompt steer word", [2]],
    ["prompt usage end", []],
    ["word tool", []],
    ["prompt word end prompt word", [1, 4]],
  ])("is, in %s, what it does first after each telling", (events, signs) => {
    const hearing = new Hearing();

    const found = events.split(" ").map((name) => hearing.isSign(EVENTS[name]!));

    expect(found.flatMap((isSign, index) => (isSign ? [index] : []))).toEqual(signs);
  });
});
