import { describe, expect, it } from "vitest";

import { narrowedApprovers, refusalOfDecision, type DecisionRule } from "./decision-rule.ts";
import type { Scope } from "./token.ts";

const ANN = { kind: "token", id: "tok_ann" } as const;
const BOB = { kind: "token", id: "tok_bob" } as const;
const asked = (rule: DecisionRule): DecisionRule => ({ requesters: [ANN], ...rule });
const verdict = (rule: DecisionRule, who: typeof ANN | typeof BOB, ...rest: [("allow" | "deny")?, Scope?]) => {
  const [decision = "allow", scope = "gates:decide"] = rest;
  return refusalOfDecision(rule, { ...who, scopes: new Set([scope]) }, decision)?.code ?? "may";
};

describe("refusalOfDecision", () => {
  it("lets everybody with the scope decide what says nothing of who may", () => {
    expect([verdict({}, ANN), verdict({}, BOB, "deny"), verdict({}, BOB, "allow", "runs:write")]).toEqual([
      "may",
      "may",
      "FORBIDDEN",
    ]);
  });

  it.each([
    { selfApproval: "allowed", who: ANN, decision: "allow", scope: "gates:decide", expected: "may" },
    { selfApproval: "refused", who: ANN, decision: "allow", scope: "gates:decide", expected: "SELF_APPROVAL" },
    { selfApproval: "refused", who: ANN, decision: "allow", scope: "admin", expected: "SELF_APPROVAL" },
    { selfApproval: "refused", who: ANN, decision: "deny", scope: "gates:decide", expected: "may" },
    { selfApproval: "refused", who: BOB, decision: "allow", scope: "gates:decide", expected: "may" },
  ] as const)("answers, where ann asked: %o", ({ selfApproval, who, decision, scope, expected }) => {
    expect(verdict(asked({ selfApproval }), who, decision, scope)).toBe(expected);
  });

  it.each([
    [ANN, "allow", "gates:decide", "may"],
    [BOB, "allow", "gates:decide", "FORBIDDEN"],
    [BOB, "deny", "gates:decide", "FORBIDDEN"],
    [BOB, "allow", "admin", "may"],
    [ANN, "allow", "runs:read", "FORBIDDEN"],
  ] as const)("with ann as the approver answers %o that wants to %s with %s: %s", (who, decision, scope, expected) => {
    expect(verdict({ approvers: [ANN.id] }, who, decision, scope)).toBe(expected);
  });

  it("lets who asked take it back, though others are to decide", () => {
    const rule = asked({ selfApproval: "refused", approvers: [BOB.id] });

    expect([verdict(rule, ANN, "deny"), verdict(rule, ANN), verdict(rule, BOB)]).toEqual([
      "may",
      "SELF_APPROVAL",
      "may",
    ]);
  });

  it("tells a token from the server itself of the same name", () => {
    const rule = { selfApproval: "refused", requesters: [{ kind: "local", id: BOB.id }] } as const;

    expect(verdict({ ...rule, requesters: [...rule.requesters] }, BOB)).toBe("may");
  });

  it("says who may instead", () => {
    const scopes = new Set<Scope>(["gates:decide"]);
    const rule = asked({ selfApproval: "refused", approvers: [ANN.id, BOB.id] });

    expect(refusalOfDecision(rule, { ...ANN, scopes }, "allow")?.message).toBe(
      "who asked for it may not say yes to it; one of tok_bob may",
    );
  });
});

describe("narrowedApprovers", () => {
  it.each([
    [[], [], []],
    [[], ["a"], ["a"]],
    [["a", "b"], [], ["a", "b"]],
    [["a", "b"], ["b", "c"], ["b"]],
    [["a", "b"], ["c"], ["a", "b"]],
  ])("of the project's %j and a step's %j leaves %j", (ofProject, ofStep, left) => {
    expect(narrowedApprovers(ofProject, ofStep)).toEqual(left);
  });
});
