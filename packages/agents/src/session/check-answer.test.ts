import { describe, expect, it } from "vitest";

import type { AgentEventOf, ApprovalOption } from "../agent-event.ts";
import type { Answers, Decision } from "../agent-session.ts";
import { agentLimits } from "../limits.ts";
import { checkAnswers, checkDecision } from "./check-answer.ts";

const limits = agentLimits({ "answer.length": 10 });
const ALL: ApprovalOption[] = (["allow", "allow_session", "deny", "deny_session", "deny_and_stop"] as const).map(
  (effect) => ({
    id: effect,
    label: effect,
    effect,
  }),
);

function asked(options: ApprovalOption[], canEditInput = false): AgentEventOf<"approval.requested"> {
  return { type: "approval.requested", requestId: "r", kind: "tool", title: "t", canEditInput, options };
}

const QUESTIONS: AgentEventOf<"question.requested"> = {
  type: "question.requested",
  requestId: "r",
  questions: [
    { id: "one", text: "?", options: [{ label: "red" }, { label: "blue" }], allowsMany: false, allowsText: false },
    { id: "many", text: "?", options: [{ label: "S" }, { label: "M" }], allowsMany: true, allowsText: true },
  ],
};

describe("checkDecision", () => {
  it.each([
    [{ decision: "allow" }, { kind: "allow", option: { id: "allow" } }],
    [
      { decision: "allow", scope: "session" },
      { kind: "allow", option: { id: "allow_session" } },
    ],
    [
      { decision: "allow", optionId: "allow_session" },
      { kind: "allow", option: { id: "allow_session" } },
    ],
    [{ decision: "deny" }, { kind: "deny", option: { id: "deny" }, endTurn: false }],
    [
      { decision: "deny", optionId: "deny_session" },
      { kind: "deny", option: { id: "deny_session" } },
    ],
    [
      { decision: "deny", endTurn: true },
      { kind: "deny", option: { id: "deny_and_stop" }, endTurn: false },
    ],
  ] satisfies [Decision, unknown][])("reads %j", (decision, meaning) => {
    expect(checkDecision(asked(ALL), decision, limits)).toMatchObject(meaning as object);
  });

  it("ends the turn another way where no option does, and denies where there is none to deny", () => {
    const [allow, , deny, , stop] = ALL as [
      ApprovalOption,
      ApprovalOption,
      ApprovalOption,
      ApprovalOption,
      ApprovalOption,
    ];

    expect(checkDecision(asked([allow, deny]), { decision: "deny", endTurn: true }, limits)).toMatchObject({
      option: deny,
      endTurn: true,
    });
    expect(checkDecision(asked([allow, stop]), { decision: "deny" }, limits)).toMatchObject({
      option: stop,
      endTurn: false,
    });
    expect(checkDecision(asked([allow]), { decision: "deny" }, limits)).toMatchObject({ option: undefined });
  });

  it.each([
    ["does not offer to allow this for the session", [ALL[0]], { decision: "allow", scope: "session" }],
    ["does not offer to allow this once", [], { decision: "allow" }],
    ["offers no option", ALL, { decision: "deny", optionId: "x" }],
    ["means deny", ALL, { decision: "allow", optionId: "deny" }],
    ["means allow", ALL, { decision: "deny", optionId: "allow" }],
    ["cannot be changed", ALL, { decision: "allow", updatedInput: {} }],
    ["at most 10 characters", ALL, { decision: "deny", reason: "x".repeat(11) }],
    ["not answers", ALL, { answers: {} }],
  ])("refuses what %s", (message, options, decision) => {
    expect(() => checkDecision(asked(options as ApprovalOption[]), decision as Decision, limits)).toThrow(message);
  });
});

describe("checkAnswers", () => {
  it("takes answers that fit their questions, and a no", () => {
    const answers = { one: ["red"], many: ["S", "other"] };

    expect(checkAnswers(QUESTIONS, { answers }, limits)).toEqual({ kind: "answers", answers });
    expect(checkAnswers(QUESTIONS, { decision: "deny", reason: "no" }, limits)).toEqual({
      kind: "decline",
      reason: "no",
    });
  });

  it.each([
    ["has no answer", { answers: { one: ["red"] } }],
    ["has no answer", { answers: { one: [], many: ["S"] } }],
    ["takes one answer", { answers: { one: ["red", "blue"], many: ["S"] } }],
    ["has no option", { answers: { one: ["green"], many: ["S"] } }],
    ["there is no question", { answers: { one: ["red"], many: ["S"], two: ["x"] } }],
    ["at most 10 characters", { answers: { one: ["red"], many: ["x".repeat(11)] } }],
    ["takes answers", { decision: "allow" }],
  ] satisfies [string, Decision | Answers][])("refuses one that %s", (message, answer) => {
    expect(() => checkAnswers(QUESTIONS, answer, limits)).toThrow(message);
  });
});
