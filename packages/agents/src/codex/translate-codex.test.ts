import { describe, expect, it } from "vitest";

import { codexUsage, threadOf, translateCodex } from "./translate-codex.ts";

const turn = { threadId: "thread-1", turnId: "turn-1" };

describe("translateCodex", () => {
  it("tells a message piece by piece, and its end", () => {
    const delta = { ...turn, itemId: "msg_1", delta: "I " };
    const item = { type: "agentMessage", id: "msg_1", text: "I am.", phase: null, questions: null };

    expect(translateCodex("item/agentMessage/delta", delta)).toEqual([
      { news: "text", messageId: "msg_1", text: "I " },
    ]);
    expect(translateCodex("item/started", { ...turn, item: { ...item, text: "" } })).toEqual([]);
    expect(translateCodex("item/completed", { ...turn, item })).toEqual([
      { news: "message", messageId: "msg_1", text: "I am." },
    ]);
  });

  it("tells a command from its start to its end", () => {
    const item = {
      type: "commandExecution",
      id: "call_1",
      command: "/bin/bash -lc 'echo out'",
      cwd: "/work",
      processId: null,
      source: "agent",
      status: "inProgress",
      commandActions: [{ type: "unknown", command: "echo out" }],
      aggregatedOutput: null,
      exitCode: null,
    };
    const tool = {
      news: "tool",
      toolCallId: "call_1",
      kind: "command",
      title: "/bin/bash -lc 'echo out'",
      command: "/bin/bash -lc 'echo out'",
      cwd: "/work",
    };

    expect(translateCodex("item/started", { ...turn, item })).toEqual([tool]);
    expect(translateCodex("item/commandExecution/outputDelta", { ...turn, itemId: "call_1", delta: "out\n" })).toEqual([
      { news: "output", toolCallId: "call_1", text: "out\n" },
    ]);
    expect(
      translateCodex("item/completed", {
        ...turn,
        item: { ...item, status: "completed", exitCode: 3, aggregatedOutput: "out\n" },
      }),
    ).toEqual([tool, { news: "tool_ended", toolCallId: "call_1", status: "ok", exitCode: 3, output: "out\n" }]);
  });

  it.each([
    ["failed", "failed"],
    ["declined", "denied"],
  ])("tells a call that ended as %s", (status, ended) => {
    const item = { type: "fileChange", id: "call_1", changes: [], status };

    expect(translateCodex("item/completed", { ...turn, item })[1]).toMatchObject({ news: "tool_ended", status: ended });
  });

  it("tells what a file change is", () => {
    const changes = [
      { path: "/w/new.txt", kind: { type: "add" }, diff: "hi\n" },
      { path: "/w/old.txt", kind: { type: "delete" }, diff: "gone\n" },
      { path: "/w/a.txt", kind: { type: "update", move_path: null }, diff: "@@ -1 +1 @@\n-a\n+b" },
      { path: "/w/a.txt", kind: { type: "update", move_path: "/w/b.txt" }, diff: "" },
    ];

    const [news] = translateCodex("item/started", {
      ...turn,
      item: { type: "fileChange", id: "call_1", changes, status: "inProgress" },
    });

    expect(news).toEqual({
      news: "tool",
      toolCallId: "call_1",
      kind: "file_change",
      title: "add /w/new.txt, delete /w/old.txt, update /w/a.txt, move /w/a.txt",
      changes: [
        { path: "/w/new.txt", change: "add", newText: "hi\n" },
        { path: "/w/old.txt", change: "delete", oldText: "gone\n" },
        { path: "/w/a.txt", change: "update", unifiedDiff: "@@ -1 +1 @@\n-a\n+b" },
        { path: "/w/a.txt", change: "move", movedTo: "/w/b.txt", unifiedDiff: "" },
      ],
    });
  });

  it("tells the plan and the diff of a turn as they are now", () => {
    const plan = [
      { step: "one", status: "inProgress" },
      { step: "two", status: "pending" },
    ];

    expect(translateCodex("turn/plan/updated", { ...turn, explanation: null, plan })).toEqual([
      {
        news: "plan",
        entries: [
          { text: "one", status: "in_progress" },
          { text: "two", status: "pending" },
        ],
      },
    ]);
    expect(translateCodex("turn/diff/updated", { ...turn, diff: "diff --git" })).toEqual([
      { news: "diff", unifiedDiff: "diff --git" },
    ]);
  });

  it.each([
    [
      { status: "completed", error: null },
      { news: "turn_ended", status: "completed" },
    ],
    [
      { status: "interrupted", error: null },
      { news: "turn_ended", status: "cancelled" },
    ],
    [
      {
        status: "failed",
        error: {
          message: "exceeded retry limit, last status: 429 Too Many Requests",
          codexErrorInfo: { responseTooManyFailedAttempts: { httpStatusCode: 429 } },
          additionalDetails: null,
        },
      },
      {
        news: "turn_ended",
        status: "failed",
        error: {
          code: "rate_limited",
          message: "exceeded retry limit, last status: 429 Too Many Requests",
          httpStatus: 429,
          isRetryable: true,
        },
      },
    ],
    [
      { status: "failed", error: null },
      {
        news: "turn_ended",
        status: "failed",
        error: { code: "agent_error", message: "the turn ended as failed", isRetryable: false },
      },
    ],
  ])("tells how a turn ended: %j", (ended, news) => {
    expect(
      translateCodex("turn/completed", { threadId: "thread-1", turn: { id: "turn-1", items: [], ...ended } }),
    ).toEqual([news]);
  });

  it("keeps what it does not know as it is, and leaves out what is nobody's business", () => {
    expect(translateCodex("hook/started", { threadId: "thread-1" })).toEqual([
      { news: "raw", frame: { method: "hook/started", params: { threadId: "thread-1" } } },
    ]);
    expect(translateCodex("constructor", {})).toMatchObject([{ news: "raw" }]);
    expect(translateCodex("thread/status/changed", {})).toEqual([]);
  });

  it("throws at a frame that it knows with a content that it does not", () => {
    expect(() => translateCodex("item/agentMessage/delta", { ...turn, delta: 7 })).toThrow("itemId");
  });
});

describe("codexUsage", () => {
  it("does not count what the thread had used before", () => {
    const tokens = { inputTokens: 1_000, cachedInputTokens: 800, outputTokens: 50, reasoningOutputTokens: 7 };
    const total = { inputTokens: 2_500, cachedInputTokens: 1_800, outputTokens: 90, reasoningOutputTokens: 7 };

    expect(codexUsage(total, tokens)).toEqual({
      inputTokens: 1_500,
      outputTokens: 40,
      cachedTokens: 1_000,
      reasoningTokens: 0,
    });
  });
});

describe("threadOf", () => {
  it.each([
    [{ threadId: "t" }, "t"],
    [{ threadId: 7 }, undefined],
    [null, undefined],
    ["t", undefined],
  ])("of %j is %s", (params, thread) => {
    expect(threadOf(params)).toBe(thread);
  });
});
