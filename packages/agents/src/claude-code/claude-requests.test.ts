import { describe, expect, it } from "vitest";

import { readClaudeRequest } from "./claude-requests.ts";

const WRITE = {
  subtype: "can_use_tool" as const,
  tool_name: "Write",
  display_name: "Write",
  input: { file_path: "/w/a.txt", content: "hi\n" },
  description: "a.txt",
  permission_suggestions: [{ type: "setMode", mode: "acceptEdits", destination: "session" }],
  tool_use_id: "toolu_1",
};

const ASK = {
  subtype: "can_use_tool" as const,
  tool_name: "AskUserQuestion",
  input: {
    questions: [
      {
        question: "Which colour?",
        header: "Colour",
        multiSelect: true,
        options: [{ label: "red" }, { label: "blue", description: "cold" }],
      },
    ],
  },
  tool_use_id: "toolu_2",
};

const [allow, allowSession, deny, stop] = [
  { id: "allow", label: "Allow", effect: "allow" },
  { id: "allow_session", label: "", effect: "allow_session" },
  { id: "deny", label: "Deny", effect: "deny" },
  { id: "deny_and_stop", label: "", effect: "deny_and_stop" },
] as const;

describe("readClaudeRequest", () => {
  it("reads leave for a tool, with what is suggested for the session", () => {
    const { news } = readClaudeRequest("r1", WRITE);

    expect(news).toMatchObject({
      news: "approval",
      key: "r1",
      kind: "file_change",
      tool: { toolCallId: "toolu_1", changes: [{ path: "/w/a.txt", newText: "hi\n" }] },
      options: [
        { id: "allow" },
        { id: "allow_session", label: "Allow for this session: mode acceptEdits" },
        { id: "deny" },
        { id: "deny_and_stop" },
      ],
    });
  });

  it("does not offer what would be written into settings", () => {
    const permission_suggestions = [
      {
        type: "addRules",
        behavior: "allow",
        destination: "localSettings",
        rules: [{ toolName: "Bash", ruleContent: "touch:*" }],
      },
    ];

    const { news } = readClaudeRequest("r1", { ...WRITE, permission_suggestions });

    expect(news).toMatchObject({ options: [{ id: "allow" }, { id: "deny" }, { id: "deny_and_stop" }] });
  });

  it("lets a tool have its input, or another", () => {
    const { respond } = readClaudeRequest("r1", WRITE);

    expect(respond({ kind: "allow", option: allow })).toEqual({ behavior: "allow", updatedInput: WRITE.input });
    expect(respond({ kind: "allow", option: allow, updatedInput: { content: "" } })).toEqual({
      behavior: "allow",
      updatedInput: { content: "" },
    });
    expect(respond({ kind: "allow", option: allowSession })).toEqual({
      behavior: "allow",
      updatedInput: WRITE.input,
      updatedPermissions: WRITE.permission_suggestions,
    });
  });

  it("denies with a reason, and ends the turn where that is meant", () => {
    const { respond } = readClaudeRequest("r1", WRITE);

    expect(respond({ kind: "deny", option: deny, reason: "not now", endTurn: false })).toEqual({
      behavior: "deny",
      message: "not now",
    });
    expect(respond({ kind: "deny", option: stop, reason: undefined, endTurn: false })).toMatchObject({
      interrupt: true,
    });
    expect(respond({ kind: "cancel" })).toMatchObject({ behavior: "deny", interrupt: true });
  });

  it("reads questions, and answers them by their words", () => {
    const { news, respond } = readClaudeRequest("r1", ASK);

    expect(news).toMatchObject({
      news: "question",
      questions: [
        {
          id: "question-1",
          text: "Which colour?",
          allowsMany: true,
          allowsText: true,
          options: [{ label: "red" }, { label: "blue" }],
        },
      ],
    });
    expect(respond({ kind: "answers", answers: { "question-1": ["red", "blue"] } })).toEqual({
      behavior: "allow",
      updatedInput: { ...ASK.input, answers: { "Which colour?": "red, blue" } },
    });
    expect(respond({ kind: "decline", reason: "no time" })).toEqual({ behavior: "deny", message: "no time" });
  });

  it("asks leave for a question tool whose questions cannot be read", () => {
    expect(readClaudeRequest("r1", { ...ASK, input: { questions: 7 } }).news).toMatchObject({
      news: "approval",
      kind: "tool",
    });
  });
});
