import { describe, expect, it } from "vitest";

import { translateAcp, usageOfTurn } from "./translate-acp.ts";

describe("translateAcp", () => {
  it("tells words and thoughts", () => {
    const content = { type: "text", text: "hi" };

    expect(translateAcp({ sessionUpdate: "agent_message_chunk", messageId: "m", content } as never)).toEqual([
      { news: "text", messageId: "m", text: "hi" },
    ]);
    expect(translateAcp({ sessionUpdate: "agent_thought_chunk", content } as never)).toEqual([
      { news: "thought", messageId: undefined, text: "hi" },
    ]);
    expect(translateAcp({ sessionUpdate: "user_message_chunk", content } as never)).toEqual([]);
  });

  it("keeps what is no text as it is", () => {
    const update = { sessionUpdate: "agent_message_chunk", content: { type: "image", data: "…" } };

    expect(translateAcp(update)).toEqual([{ news: "raw", frame: update }]);
  });

  it("tells a call, what changes of it, and its end", () => {
    const call = {
      sessionUpdate: "tool_call",
      toolCallId: "c1",
      title: "npm test",
      kind: "execute",
      status: "pending",
      rawInput: { command: ["npm", "test"] },
    };

    expect(translateAcp(call)).toEqual([
      { news: "tool", toolCallId: "c1", kind: "command", title: "npm test", command: "npm test", input: call.rawInput },
    ]);
    const end = {
      sessionUpdate: "tool_call_update",
      toolCallId: "c1",
      status: "completed",
      content: [
        { type: "content", content: { type: "text", text: "ok" } },
        { type: "content", content: { type: "text", text: "1 passed" } },
      ],
    };
    expect(translateAcp(end)).toEqual([
      { news: "tool", toolCallId: "c1" },
      { news: "tool_ended", toolCallId: "c1", status: "ok", output: "ok\n1 passed" },
    ]);
  });

  it.each([
    [{ oldText: null, newText: "hi" }, "edit", { change: "add", newText: "hi" }],
    [{ oldText: "", newText: "hi" }, "edit", { change: "add", newText: "hi" }],
    [{ oldText: "a", newText: "b" }, "edit", { change: "update", oldText: "a", newText: "b" }],
    [{ oldText: "a", newText: "" }, "delete", { change: "delete", oldText: "a", newText: "" }],
  ])("tells what a call changes: %j", (diff, kind, change) => {
    const content = [
      { type: "diff", path: "/w/a", ...diff },
      { type: "terminal", terminalId: "t" },
    ];

    const [news] = translateAcp({ sessionUpdate: "tool_call", toolCallId: "c1", title: "t", kind, content } as never);

    expect(news).toMatchObject({ kind: "file_change", changes: [{ path: "/w/a", ...change }] });
  });

  it("knows a deletion by what is deleted: there is no text to show", () => {
    const call = {
      sessionUpdate: "tool_call",
      toolCallId: "c1",
      title: "t",
      kind: "delete",
      locations: [{ path: "/w/a" }],
    };

    expect(translateAcp(call)).toMatchObject([{ kind: "file_change", changes: [{ path: "/w/a", change: "delete" }] }]);
  });

  it("takes all of a raw output where there are no words", () => {
    const end = { sessionUpdate: "tool_call_update", toolCallId: "c1", status: "failed", rawOutput: "no such file" };

    expect(translateAcp(end)[1]).toMatchObject({ status: "failed", output: "no such file" });
  });

  it("tells the plan as it is now", () => {
    const entries = [
      { content: "one", status: "completed", priority: "high" },
      { content: "two", status: "someday", priority: "low" },
    ];

    expect(translateAcp({ sessionUpdate: "plan", entries } as never)).toEqual([
      {
        news: "plan",
        entries: [
          { text: "one", status: "completed" },
          { text: "two", status: "pending" },
        ],
      },
    ]);
  });

  it("tells what the context holds, and a cost in dollars", () => {
    const update = { sessionUpdate: "usage_update", used: 10, size: 100 };
    const context = { news: "usage", counts: "total", contextTokens: 10, contextWindow: 100 };

    expect(translateAcp({ ...update, cost: { amount: 0.5, currency: "USD" } } as never)).toEqual([
      { ...context, usage: { costUsd: 0.5 } },
    ]);
    expect(translateAcp({ ...update, cost: { amount: 5, currency: "credits" } } as never)).toEqual([
      { ...context, usage: {} },
    ]);
  });

  it("keeps what it does not know, and throws at what it knows with another content", () => {
    expect(translateAcp({ sessionUpdate: "notice" })).toMatchObject([{ news: "raw" }]);
    expect(translateAcp({ sessionUpdate: "available_commands_update" })).toEqual([]);
    expect(() => translateAcp({ sessionUpdate: "plan", entries: "one" } as never)).toThrow("entries");
    expect(() => translateAcp({ sessionUpdate: "tool_call", title: "t" } as never)).toThrow("toolCallId");
  });
});

describe("usageOfTurn", () => {
  it("counts cached tokens among the input", () => {
    const usage = { inputTokens: 10, outputTokens: 5, cachedReadTokens: 100, cachedWriteTokens: 3, thoughtTokens: 2 };

    expect(usageOfTurn({ stopReason: "end_turn", usage })).toEqual({
      counts: "step",
      usage: { inputTokens: 113, outputTokens: 5, cachedTokens: 100, reasoningTokens: 2 },
    });
    expect(usageOfTurn({ stopReason: "end_turn" })).toBeUndefined();
  });
});
