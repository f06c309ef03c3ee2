import { describe, expect, it } from "vitest";
import { lastTurn, spokenText } from "./conversation.ts";
import type { ConversationItem } from "./conversation.ts";

describe("spokenText", () => {
  it.each([
    { text: "Hello", spoken: "Hello" },
    { text: "<environment_context>\n<cwd>/x</cwd>\n</environment_context>", spoken: undefined },
    { text: "<system-reminder>be kind</system-reminder>\nHello", spoken: "Hello" },
    { text: "<session_context>It is Saturday</session_context>", spoken: undefined },
    { text: '<turn_aborted reason="x">stopped</turn_aborted> Go on', spoken: "Go on" },
    { text: "a <b>bold</b> word", spoken: "a <b>bold</b> word" },
    { text: "  ", spoken: undefined },
  ])("leaves of $text: $spoken", ({ text, spoken }) => {
    expect(spokenText(text)).toBe(spoken);
  });
});

describe("lastTurn", () => {
  it("splits at the last thing that a person said", () => {
    const items: ConversationItem[] = [
      { kind: "user", text: "first" },
      { kind: "assistant", text: "answer" },
      { kind: "user", text: "second" },
      { kind: "tool_call", id: "1", name: "Write", input: {} },
      { kind: "tool_result", id: "1", text: "ok", isError: false },
    ];

    const turn = lastTurn(items);

    expect(turn.earlier.map(({ kind }) => kind)).toEqual(["user", "assistant"]);
    expect(turn.prompt).toBe("second");
    expect(turn.results.map(({ text }) => text)).toEqual(["ok"]);
  });

  it("has no prompt where nobody spoke", () => {
    expect(lastTurn([{ kind: "assistant", text: "hm" }])).toEqual({ earlier: [], prompt: undefined, results: [] });
  });
});
