import { describe, expect, it } from "vitest";

import type { AgentEvent } from "../agent-event.ts";
import { agentLimits } from "../limits.ts";
import type { AgentLimits } from "../limits.ts";
import { SessionBook } from "./session-book.ts";
import type { BookedNews } from "./session-book.ts";

function tell(
  news: readonly BookedNews[],
  limits: Partial<AgentLimits> = {},
  book = new SessionBook(agentLimits(limits)),
): AgentEvent[] {
  return news.flatMap((each) => book.take(each, "turn-1"));
}

describe("SessionBook: messages", () => {
  it("end when another begins, when a tool is used, and with the turn", () => {
    const book = new SessionBook(agentLimits());

    const events = tell(
      [
        { news: "text", messageId: "a", text: "one " },
        { news: "text", messageId: "a", text: "two" },
        { news: "text", messageId: "b", text: "three" },
        { news: "tool", toolCallId: "t", title: "tool" },
        { news: "text", text: "four" },
      ],
      {},
      book,
    );
    events.push(...book.endTurn("completed"));

    expect(events.filter(({ type }) => type === "message.done")).toMatchObject([
      { messageId: "a", text: "one two" },
      { messageId: "b", text: "three" },
      { text: "four" },
    ]);
  });

  it("that come as a whole are told as one piece, and those that came in pieces are not told again", () => {
    const events = tell([
      { news: "message", messageId: "a", text: "whole" },
      { news: "text", messageId: "b", text: "piece" },
      { news: "message", messageId: "b", text: "piece" },
      { news: "message", messageId: "b", text: "piece" },
    ]);

    expect(events).toEqual([
      { type: "text.delta", messageId: "a", text: "whole" },
      { type: "message.done", messageId: "a", text: "whole", isTruncated: false },
      { type: "text.delta", messageId: "b", text: "piece" },
      { type: "message.done", messageId: "b", text: "piece", isTruncated: false },
    ]);
  });

  it("are repeated up to a length", () => {
    const events = tell([{ news: "text", text: "12345" }, { news: "text", text: "67890" }, { news: "message" }], {
      "message.length": 7,
    });

    expect(events.at(-1)).toMatchObject({ text: "1234567", isTruncated: true });
  });

  it("and thoughts have names of their own where the agent has none for them", () => {
    const events = tell([
      { news: "thought", text: "hm" },
      { news: "thought", text: "hm" },
      { news: "text", text: "so" },
      { news: "thought", text: "hm" },
    ]);

    expect(events.map((event) => ("messageId" in event ? event.messageId : ""))).toEqual([
      "thought-1",
      "thought-1",
      "message-2",
      "message-2",
      "thought-3",
    ]);
  });
});

describe("SessionBook: tools", () => {
  it("begin once and end once, whatever order the news has", () => {
    const events = tell([
      { news: "output", toolCallId: "t", text: "out" },
      { news: "tool", toolCallId: "t", title: "make", kind: "command" },
      { news: "tool", toolCallId: "t", title: "make" },
      { news: "tool_ended", toolCallId: "t", status: "ok", output: "out" },
      { news: "tool_ended", toolCallId: "t", status: "failed" },
      { news: "tool", toolCallId: "t", title: "again" },
      { news: "output", toolCallId: "t", text: "late" },
      { news: "tool_ended", toolCallId: "u", status: "ok", output: "whole" },
    ]);

    expect(events).toEqual([
      { type: "tool.started", toolCallId: "t", kind: "other", title: "t" },
      { type: "tool.output", toolCallId: "t", text: "out", isTruncated: false },
      { type: "tool.updated", toolCallId: "t", kind: "command", title: "make" },
      { type: "tool.ended", toolCallId: "t", status: "ok" },
      { type: "tool.started", toolCallId: "u", kind: "other", title: "u" },
      { type: "tool.output", toolCallId: "u", text: "whole", isTruncated: false },
      { type: "tool.ended", toolCallId: "u", status: "ok" },
    ]);
  });

  it("that are open end with the turn", () => {
    const book = new SessionBook(agentLimits());
    tell([{ news: "tool", toolCallId: "t" }], {}, book);

    expect(book.endTurn("cancelled")).toMatchObject([{ type: "tool.ended", status: "cancelled" }]);
    expect(book.endTurn("cancelled")).toEqual([]);
  });

  it("that are too many have the oldest closed", () => {
    const events = tell(
      ["a", "b", "c"].map((toolCallId) => ({ news: "tool", toolCallId }) as const),
      { "tools.open": 2 },
    );

    expect(events.map((event) => ("toolCallId" in event ? `${event.type} ${event.toolCallId}` : ""))).toEqual([
      "tool.started a",
      "tool.started b",
      "tool.ended a",
      "tool.started c",
    ]);
  });

  it("keep the end of an output that is too long", () => {
    const events = tell([{ news: "output", toolCallId: "t", text: "0123456789" }], { "output.length": 4 });

    expect(events[1]).toMatchObject({ text: "6789", isTruncated: true });
  });
});

describe("SessionBook: usage", () => {
  it("adds steps, takes totals, and keeps what is not told", () => {
    const events = tell([
      { news: "usage", counts: "step", usage: { inputTokens: 10, outputTokens: 1, cachedTokens: 5 } },
      { news: "usage", counts: "step", usage: { inputTokens: 10, outputTokens: 1 } },
      { news: "usage", counts: "total", usage: { costUsd: 0.5 }, contextTokens: 7 },
      { news: "usage", counts: "total", usage: { inputTokens: 30, outputTokens: 3 } },
    ]);

    expect(events.map((event) => event.type === "usage" && event.total)).toEqual([
      { inputTokens: 10, outputTokens: 1, cachedTokens: 5 },
      { inputTokens: 20, outputTokens: 2, cachedTokens: 5 },
      { inputTokens: 20, outputTokens: 2, cachedTokens: 5, costUsd: 0.5 },
      { inputTokens: 30, outputTokens: 3, cachedTokens: 5, costUsd: 0.5 },
    ]);
    expect(events[2]).toMatchObject({ contextTokens: 7 });
  });
});
