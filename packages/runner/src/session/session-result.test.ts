import { SESSION_END_REASONS, type SessionEndReason } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { sessionResult, unopenedResult, type SessionEnding } from "./session-result.ts";

function resultOf(ending: Partial<SessionEnding>) {
  return sessionResult({
    provider: "codex",
    exit: {
      type: "process.exited",
      code: 1,
      signal: null,
      reason: "crashed",
      message: "it ended by itself",
      stderr: "",
      survivors: [],
    },
    closed: undefined,
    failure: undefined,
    violation: undefined,
    files: ["a.txt"],
    ...ending,
  });
}

describe("the result of a step that is a session's work", () => {
  it("is a success for a session that is over, and a typed failure for every other", () => {
    const reasons = Object.keys(SESSION_END_REASONS) as SessionEndReason[];
    const good = reasons.filter((reason) => resultOf({ closed: { reason } }).outcome === "succeeded");

    expect(good).toEqual(["finished", "closed", "inactive"]);
    for (const reason of reasons.filter((each) => !good.includes(each)))
      expect(resultOf({ closed: { reason } })).toMatchObject({
        outcome: "failed",
        reason: expect.any(String) as string,
      });
  });

  it("names the agent and keeps what it wrote, however it ended", () => {
    const kept = { outputs: { agent: "codex", files: ["a.txt"] }, artifacts: ["a.txt"] };

    expect(resultOf({ closed: { reason: "finished" } })).toMatchObject(kept);
    expect(resultOf({})).toMatchObject({ ...kept, reason: "runtime_error", message: "it ended by itself" });
  });

  it.each([
    ["authentication", "permission_error"],
    ["rate_limited", "tool_failure"],
    ["agent_error", "tool_failure"],
    ["protocol_error", "runtime_error"],
  ] as const)("says why the last turn failed: %s", (code, reason) => {
    const failure = { code, message: "the words of it", isRetryable: false };

    expect(resultOf({ closed: { reason: "agent_failed", message: "x" }, failure })).toMatchObject({
      outcome: "failed",
      reason,
      message: "the words of it",
    });
  });

  it("is not what the agent made of it when it did what it may not", () => {
    expect(resultOf({ closed: { reason: "finished" }, violation: "run_command: rm" })).toMatchObject({
      outcome: "failed",
      reason: "tool_not_allowed",
      message: "the agent did what the step does not allow: run_command: rm",
    });
  });

  it("is told of an agent that never was", () => {
    expect(unopenedResult("provider_unavailable", "no codex")).toEqual({
      outcome: "failed",
      reason: "missing_dependency",
      message: "no codex",
    });
  });
});
