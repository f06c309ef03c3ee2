import { describe, expect, it } from "vitest";

import { CreateSessionRequestSchema } from "./session.ts";
import { ResolveApprovalRequestSchema } from "./approval.ts";
import { BudgetSchema, shareUsed } from "./usage.ts";

const REQUEST = {
  orgId: "org-123",
  providerId: "codex",
  repo: { url: "https://github.com/example/repo", branch: "main" },
  task: "Implement user authentication",
};

describe("CreateSessionRequestSchema", () => {
  it("takes the request of seed 001 and fills in the defaults", () => {
    const request = CreateSessionRequestSchema.parse(REQUEST);

    expect(request).toEqual({
      ...REQUEST,
      projectId: "default",
      mode: "task",
      permissions: "ask",
      sandbox: "auto",
      network: "host",
    });
  });

  it.each(["codex", "claude_code", "gemini_cli", "omnara", "scripted", "acp:goose"])(
    "knows the provider %s",
    (providerId) => {
      expect(CreateSessionRequestSchema.safeParse({ ...REQUEST, providerId }).success).toBe(true);
    },
  );

  it.each(["gpt", "acp:", "acp:../x", "ACP:goose", "__proto__", ""])("refuses the provider %j", (providerId) => {
    expect(CreateSessionRequestSchema.safeParse({ ...REQUEST, providerId }).success).toBe(false);
  });

  it.each([
    ["an empty task", { task: "  " }],
    ["a task that is too long", { task: "x".repeat(100_001) }],
    ["a model that is an option", { model: "--help" }],
    ["a field that nobody knows", { tasks: "x" }],
    ["a time that never passes", { timeoutMinutes: Number.POSITIVE_INFINITY }],
    ["an empty budget", { budget: {} }],
  ])("refuses %s", (_, change) => {
    expect(CreateSessionRequestSchema.safeParse({ ...REQUEST, ...change }).success).toBe(false);
  });
});

describe("ResolveApprovalRequestSchema", () => {
  it("takes the answer of seed 001, which counts once", () => {
    const answer = { approvalId: "approval-123", decision: "allow", reason: "Approved after code review" };

    expect(ResolveApprovalRequestSchema.parse(answer)).toEqual({ ...answer, scope: "once" });
  });

  it("knows yes and no, and nothing between", () => {
    expect(ResolveApprovalRequestSchema.safeParse({ approvalId: "a", decision: "maybe" }).success).toBe(false);
  });
});

describe("shareUsed", () => {
  it("is the larger of the shares of tokens and of money", () => {
    const usage = { inputTokens: 60, outputTokens: 20, costUsd: 0.9 };

    expect(shareUsed(usage, BudgetSchema.parse({ tokens: 100 }))).toBe(0.8);
    expect(shareUsed(usage, BudgetSchema.parse({ tokens: 100, costUsd: 1 }))).toBe(0.9);
  });

  it("does not count what the agent does not report", () => {
    expect(shareUsed({ inputTokens: 1, outputTokens: 1 }, { costUsd: 1 })).toBe(0);
  });
});
