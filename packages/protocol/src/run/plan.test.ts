import { describe, expect, it } from "vitest";

import { limit } from "../limits.ts";
import { FAILURE_REASONS } from "./failure-reasons.ts";
import { PlanSchema, StepNameSchema, StepSchema } from "./plan.ts";

const step = { name: "work", tool: "command" };

/** Limit by limit: how a step of a given size is made. */
const BOUNDS: readonly (readonly [limit: string, max: number, make: (n: number) => unknown])[] = [
  ["step.nameLength", limit("step.nameLength"), (n) => ({ ...step, name: "x".repeat(n) })],
  ["step.needs", limit("step.needs"), (n) => ({ ...step, needs: Array.from({ length: n }, (_, i) => `s${i}`) })],
  ["step.attempts", limit("step.attempts"), (n) => ({ ...step, retry: { maxAttempts: n } })],
  ["step.lostAttempts", limit("step.lostAttempts"), (n) => ({ ...step, retry: { maxLost: n } })],
  ["step.timeoutMaxMs", limit("step.timeoutMaxMs"), (n) => ({ ...step, timeoutMs: n })],
  ["env.entries", limit("env.entries"), (n) => ({ ...step, envAllowed: Array.from({ length: n }, (_, i) => `A${i}`) })],
  ["artifacts", 100, (n) => ({ ...step, artifacts: Array.from({ length: n }, (_, i) => `f${i}`) })],
  ["concurrencyKey", 200, (n) => ({ ...step, concurrencyKey: "k".repeat(n) })],
];

describe("StepSchema", () => {
  it.each(BOUNDS)("keeps the bound %s of %i", (_, max, make) => {
    const taken = [max - 1, max, max + 1].map((n) => StepSchema.safeParse(make(n)).success);

    expect(taken).toEqual([true, true, false]);
  });

  it("fills in its defaults", () => {
    expect(StepSchema.parse(step)).toEqual({
      ...step,
      timeoutMs: 3_600_000,
      retry: { maxAttempts: 1, maxLost: 5, initialDelayMs: 1_000, maxDelayMs: 60_000 },
      onDisconnect: "stop",
      sandbox: "auto",
      network: "host",
    });
  });

  it.each([
    ["tools_allowed", "toolsAllowed", ["read"]],
    ["env_allowed", "envAllowed", ["PATH"]],
    ["secrets_scope", "secretsScope", "deploy"],
    ["timeout_ms", "timeoutMs", 5_000],
    ["concurrency_key", "concurrencyKey", "k"],
    ["on_disconnect", "onDisconnect", "continue"],
  ])("takes %s for %s, and refuses both at once", (seed, native, value) => {
    expect(StepSchema.parse({ ...step, [seed]: value })).toEqual(StepSchema.parse({ ...step, [native]: value }));
    expect(StepSchema.safeParse({ ...step, [seed]: value, [native]: value }).success).toBe(false);
    expect(StepSchema.safeParse({ ...step, [native]: value, [seed]: value }).success).toBe(false);
  });

  it.each([
    ["an unknown key", { ...step, colour: "red" }],
    ["no name", { tool: "command" }],
    ["a timeout of nothing", { ...step, timeoutMs: 99 }],
    ["half a millisecond", { ...step, timeoutMs: 1_000.5 }],
    ["a path out of the workspace", { ...step, artifacts: ["../x"] }],
    ["an environment entry that is no name", { ...step, envAllowed: ["A=B"] }],
    ["an unknown reason", { ...step, retry: { on: ["boredom"] } }],
    ["a list", [step]],
    ["nothing", null],
  ])("refuses %s", (_, input) => {
    expect(StepSchema.safeParse(input).success).toBe(false);
  });

  it("takes every reason there is to retry on", () => {
    expect(StepSchema.safeParse({ ...step, retry: { on: Object.keys(FAILURE_REASONS) } }).success).toBe(true);
  });
});

describe("StepNameSchema", () => {
  it.each(["a", "Run the tests", "größe", "测试", "🚦", "deploy:prod"])("takes %s", (name) => {
    expect(StepNameSchema.safeParse(name).success).toBe(true);
  });

  it.each(["", " a", "a ", "a\nb", "a\u0000", "\u200b", "a\u202eb", "\u2028", "\ud800", "\u001b[31m"])(
    "refuses %j",
    (name) => {
      expect(StepNameSchema.safeParse(name).success).toBe(false);
    },
  );
});

describe("PlanSchema", () => {
  const plan = (steps: number, goal = "g") => ({
    goal,
    steps: Array.from({ length: steps }, (_, i) => ({ ...step, name: `s${i}` })),
  });

  it("keeps the bounds of steps and goal", () => {
    const steps = limit("plan.steps");
    const goal = limit("plan.goalLength");

    expect([0, 1, steps - 1, steps, steps + 1].map((n) => PlanSchema.safeParse(plan(n)).success)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    expect([0, goal - 1, goal, goal + 1].map((n) => PlanSchema.safeParse(plan(1, "x".repeat(n))).success)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});
