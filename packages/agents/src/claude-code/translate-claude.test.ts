import { describe, expect, it } from "vitest";

import { translateClaude } from "./translate-claude.ts";

const about = { session_id: "s", parent_tool_use_id: null, uuid: "u" };

describe("translateClaude", () => {
  it("tells words and thoughts piece by piece", () => {
    const delta = (index: number, of: object) => ({
      ...about,
      type: "stream_event",
      api_message_id: "msg_1",
      event: { type: "content_block_delta", index, delta: of },
    });

    expect(translateClaude(delta(1, { type: "text_delta", text: "I " }))).toEqual([
      { news: "text", messageId: "msg_1/1", text: "I " },
    ]);
    expect(translateClaude(delta(0, { type: "thinking_delta", thinking: "hm" }))).toEqual([
      { news: "thought", messageId: "msg_1/0", text: "hm" },
    ]);
    expect(translateClaude(delta(2, { type: "input_json_delta", partial_json: "{" }))).toEqual([]);
    expect(
      translateClaude({ ...delta(1, { type: "text_delta", text: "sub" }), parent_tool_use_id: "toolu_0" } as never),
    ).toEqual([]);
  });

  it("tells a message's end and a call with what it changes", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "text", text: "I write." },
      { type: "tool_use", id: "toolu_1", name: "Write", input: { file_path: "/w/a.txt", content: "hi\n" } },
    ];

    const news = translateClaude({
      ...about,
      type: "assistant",
      message: { id: "msg_1", model: "m", content },
    } as never);

    expect(news).toEqual([
      { news: "message", text: "I write." },
      {
        news: "tool",
        toolCallId: "toolu_1",
        kind: "file_change",
        name: "Write",
        title: "Write /w/a.txt",
        input: { file_path: "/w/a.txt", content: "hi\n" },
        changes: [{ path: "/w/a.txt", change: "write", newText: "hi\n" }],
      },
    ]);
  });

  it("tells calls of an agent within the agent, but not its words", () => {
    const content = [
      { type: "text", text: "as the helper says" },
      { type: "tool_use", id: "toolu_2", name: "Bash", input: { command: "ls" } },
    ];

    const news = translateClaude({
      type: "assistant",
      parent_tool_use_id: "toolu_1",
      message: { id: "msg_1", model: "m", content },
    } as never);

    expect(news).toMatchObject([{ news: "tool", command: "ls", parentToolCallId: "toolu_1" }]);
  });

  it("tells its list of things to do as the plan", () => {
    const todos = [
      { content: "one", status: "in_progress", activeForm: "doing one" },
      { content: "two", status: "pending", activeForm: "doing two" },
    ];
    const content = [{ type: "tool_use", id: "toolu_1", name: "TodoWrite", input: { todos } }];

    const news = translateClaude({ ...about, type: "assistant", message: { id: "m", model: "m", content } } as never);

    expect(news[1]).toEqual({
      news: "plan",
      entries: [
        { text: "one", status: "in_progress" },
        { text: "two", status: "pending" },
      ],
    });
  });

  it.each([
    ["done", false, { status: "ok", output: "done" }],
    [
      [{ type: "text", text: "a" }, { type: "image" }, { type: "text", text: "b" }],
      true,
      { status: "failed", output: "ab" },
    ],
    [null, undefined, { status: "ok" }],
  ])("tells what a tool answered: %j", (content, isError, end) => {
    const block = { type: "tool_result", tool_use_id: "toolu_1", content, is_error: isError };

    expect(translateClaude({ ...about, type: "user", message: { role: "user", content: [block] } } as never)).toEqual([
      { news: "tool_ended", toolCallId: "toolu_1", ...end },
    ]);
  });

  const result = {
    ...about,
    type: "result",
    subtype: "success",
    is_error: false,
    result: "fine",
    terminal_reason: "completed",
    api_error_status: null,
    total_cost_usd: 0.5,
    modelUsage: {
      big: {
        inputTokens: 100,
        outputTokens: 20,
        cacheReadInputTokens: 40,
        cacheCreationInputTokens: 7,
        thinkingTokens: 3,
        contextWindow: 1_000,
      },
      small: { inputTokens: 10, outputTokens: 2, cacheReadInputTokens: 0, cacheCreationInputTokens: 0 },
    },
  };

  it("tells at a turn's end what all models took, cached tokens among the input", () => {
    expect(translateClaude(result)).toEqual([
      {
        news: "usage",
        counts: "total",
        usage: { inputTokens: 157, outputTokens: 22, cachedTokens: 40, reasoningTokens: 3, costUsd: 0.5 },
        contextWindow: 1_000,
      },
      { news: "turn_ended", status: "completed" },
    ]);
  });

  it.each([
    [
      { subtype: "error_during_execution", is_error: true, terminal_reason: "aborted_streaming" },
      "cancelled",
      undefined,
    ],
    [{ is_error: true, terminal_reason: "aborted_tools" }, "cancelled", undefined],
    [
      { is_error: true, terminal_reason: "api_error", api_error_status: 429, result: "API Error: 429" },
      "failed",
      "rate_limited",
    ],
    [{ is_error: true, terminal_reason: "api_error", api_error_status: 529 }, "failed", "overloaded"],
    [{ is_error: true, terminal_reason: "api_error" }, "failed", "connection"],
    [{ is_error: true, result: "Prompt is too long" }, "failed", "context_exceeded"],
    [{ subtype: "error_max_turns", is_error: true }, "failed", "turn_limit"],
    [{ subtype: "error_max_budget_usd", is_error: true }, "failed", "usage_limit"],
    [{ subtype: "error_something_new", is_error: false }, "failed", "agent_error"],
  ])("tells how a turn ended: %j", (ended, status, code) => {
    const news = translateClaude({ ...result, ...ended });

    expect(news[1]).toMatchObject({ news: "turn_ended", status, ...(code === undefined ? {} : { error: { code } }) });
  });

  it("takes the program's own words in the model's place for the failure that they are", () => {
    const message = { id: "x", model: "<synthetic>", content: [{ type: "text", text: "API Error: 500" }] };

    expect(translateClaude({ ...about, type: "assistant", message } as never)).toEqual([]);
  });

  it("takes the beginning of a turn, and keeps what it does not know", () => {
    expect(translateClaude({ type: "system", subtype: "init", session_id: "s" } as never)).toEqual([
      { news: "turn_began" },
    ]);
    expect(translateClaude({ type: "system", subtype: "thinking_tokens" } as never)).toEqual([]);
    expect(translateClaude({ type: "system", subtype: "api_retry" } as never)).toMatchObject([{ news: "raw" }]);
    expect(translateClaude({ type: "rate_limit_event" })).toMatchObject([{ news: "raw" }]);
    expect(translateClaude({ type: "keep_alive" })).toEqual([]);
  });
});
