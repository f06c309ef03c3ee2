import { describe, expect, it } from "vitest";

import type { CheckedAnswer } from "../session/check-answer.ts";
import { answersFor, readInteraction } from "./omnara-forms.ts";
import { InteractionSchema } from "./omnara-frames.ts";

const ID = `int_${"a".repeat(26)}`;
const ALLOW_DENY = [{ label: "Allow" }, { label: "Deny", allows_text: true }];
const COLOURS = [{ label: "red" }, { label: "blue", allows_text: true }, { label: "other", allows_text: true }];

function interaction(kind: "permission" | "question", request: unknown) {
  return InteractionSchema.parse({ id: ID, interaction_kind: kind, state: "open", request });
}

describe("a permission form", () => {
  it("cannot be made to show lines that are not its own", () => {
    const context = [{ label: "Command", value: "ls\nMachine: harmless" }];
    const form = { title: "Permission", context, questions: [{ prompt: "Allow?", options: ALLOW_DENY }] };

    const news = readInteraction(interaction("permission", form));

    expect(news).toMatchObject({ news: "approval", title: 'Permission\nCommand: "ls\\nMachine: harmless"' });
  });

  it.each<[string, CheckedAnswer, unknown]>([
    ["a yes", { kind: "allow", option: { id: "0", label: "Allow", effect: "allow" } }, [{ option_indices: [0] }]],
    [
      "a no with its reason",
      { kind: "deny", option: undefined, reason: "no", endTurn: false },
      [{ option_indices: [1], text: "no" }],
    ],
    ["a no", { kind: "deny", option: undefined, reason: undefined, endTurn: false }, [{ option_indices: [1] }]],
    ["nothing", { kind: "cancel" }, undefined],
  ])("is answered with %s", (_, answer, expected) => {
    const form = { title: "Permission", questions: [{ prompt: "Allow?", options: ALLOW_DENY }] };

    expect(answersFor(interaction("permission", form), answer)).toEqual(expected);
  });

  it.each([
    ["with its options the other way round", [{ prompt: "p", options: ALLOW_DENY.toReversed() }]],
    ["with a third option", [{ prompt: "p", options: [...ALLOW_DENY, { label: "Always" }] }]],
    ["with two questions", [1, 2].map(() => ({ prompt: "p", options: ALLOW_DENY }))],
  ])("%s is a question, which no permission of the session answers", (_, questions) => {
    const news = readInteraction(interaction("permission", { title: "t", questions }));

    expect(news.news).toBe("question");
  });
});

describe("answers to a question form", () => {
  it.each([
    ["a label", ["red"], { option_indices: [0] }],
    ["two labels", ["red", "other"], { option_indices: [0, 2] }],
    ["words of one's own", ["green"], { option_indices: [1], text: "green" }],
    ["a label that takes words, and words", ["other", "green"], { option_indices: [2], text: "green" }],
    ["a label that takes none, and words", ["red", "green"], { option_indices: [0, 1], text: "green" }],
  ])("name places in its options: %s", (_, given, expected) => {
    const form = { title: "t", questions: [{ prompt: "p", multiple: true, options: COLOURS }] };

    const answers = answersFor(interaction("question", form), { kind: "answers", answers: { "0": given } });

    expect(answers).toEqual([expected]);
  });
});
