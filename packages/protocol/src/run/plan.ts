import * as z from "zod";

import { limit } from "../limits.ts";
import { EnvNameSchema } from "./tools.ts";
import { FailureReasonSchema } from "./failure-reasons.ts";
import { WorkspacePathSchema } from "./workspace-path.ts";

/** A step's name: printable, unique in its plan, and the same on every repetition of the plan. */
export const StepNameSchema = z
  .string()
  .min(1)
  .max(limit("step.nameLength"))
  .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u, "must be printable")
  .refine((name) => name.trim() === name, "must not begin or end with white space");

/** When a failed attempt is tried again. Losses of infrastructure are counted apart, by `maxLost`. */
export const RetryPolicySchema = z.strictObject({
  /** Attempts that may fail at the work itself, the first one included. Default 1: no retry. */
  maxAttempts: z.int().min(1).max(limit("step.attempts")).default(1),
  /** Attempts that may be lost to infrastructure before the step fails. */
  maxLost: z.int().min(0).max(limit("step.lostAttempts")).default(limit("step.lostAttempts")),
  /** Reasons worth another attempt; absent means every reason of kind `work`. */
  on: z.array(FailureReasonSchema).max(30).optional(),
  initialDelayMs: z.int().min(0).max(3_600_000).default(1_000),
  maxDelayMs: z.int().min(0).max(86_400_000).default(60_000),
});
export type RetryPolicy = z.infer<typeof RetryPolicySchema>;

/** What a runner must have to get a step. */
export const RequirementsSchema = z.strictObject({
  provider: z.string().min(1).max(100).optional(),
  features: z.array(z.string().min(1).max(100)).max(20).optional(),
  labels: z.record(z.string().min(1).max(100), z.string().max(200)).optional(),
  runnerId: z.string().min(1).max(128).optional(),
});
export type Requirements = z.infer<typeof RequirementsSchema>;

export const SandboxModeSchema = z.enum(["auto", "required", "none"]);
export type SandboxMode = z.infer<typeof SandboxModeSchema>;

const SEED_SPELLINGS: Readonly<Record<string, string>> = {
  tools_allowed: "toolsAllowed",
  env_allowed: "envAllowed",
  secrets_scope: "secretsScope",
  timeout_ms: "timeoutMs",
  concurrency_key: "concurrencyKey",
  on_disconnect: "onDisconnect",
};

/** One step of a plan as a caller writes it; the snake_case spellings of the seed documents are taken too. */
export const StepSchema = z.preprocess(
  withNativeSpelling,
  z.strictObject({
    name: StepNameSchema,
    tool: z.string().min(1).max(100),
    inputs: z.record(z.string(), z.json()).optional(),
    /** Names of steps that must succeed (or be skipped) first. Absent: the step before it. Empty: none. */
    needs: z.array(StepNameSchema).max(limit("step.needs")).optional(),
    /**
     * What an agent in this step may do: `write_file`, `delete_file`, `run_command`, `fetch`, or a tool of its own by its name.
     * Reading and thinking need no word. Absent: all.
     */
    toolsAllowed: z.array(z.string().min(1).max(100)).max(100).optional(),
    /** Names of the project's and the machine's environment entries that the step may see. Absent: none. */
    envAllowed: z.array(EnvNameSchema()).max(limit("env.entries")).optional(),
    /** The scope whose secrets the step gets. Absent: none. */
    secretsScope: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/, "must be a word")
      .optional(),
    timeoutMs: z.int().min(100).max(limit("step.timeoutMaxMs")).default(limit("step.timeoutMs")),
    retry: RetryPolicySchema.prefault({}),
    /** At most one step with the same key runs at a time in a project. */
    concurrencyKey: z.string().min(1).max(200).optional(),
    requires: RequirementsSchema.optional(),
    /** What happens to the work when its runner loses the control plane for longer than its lease. */
    onDisconnect: z.enum(["stop", "continue"]).default("stop"),
    sandbox: SandboxModeSchema.default("auto"),
    network: z.enum(["none", "host"]).default("host"),
    /** Workspace files to keep as artifacts after the step. */
    artifacts: z.array(WorkspacePathSchema).max(100).optional(),
  }),
);
/** A step with its defaults filled in. */
export type Step = z.infer<typeof StepSchema>;
/** A step as a caller may write it. */
export type StepInput = {
  readonly name: string;
  readonly tool: string;
} & Partial<Omit<Step, "name" | "tool" | "retry">> & { readonly retry?: Partial<RetryPolicy> };

/** What to do: a goal and the steps to it. */
export const PlanSchema = z.strictObject({
  goal: z.string().min(1).max(limit("plan.goalLength")),
  steps: z.array(StepSchema).min(1).max(limit("plan.steps")),
});
export type Plan = z.infer<typeof PlanSchema>;
export interface PlanInput {
  readonly goal: string;
  readonly steps: readonly StepInput[];
}

function withNativeSpelling(step: unknown): unknown {
  if (typeof step !== "object" || step === null || Array.isArray(step)) return step;
  const entries = Object.entries(step);
  if (!entries.some(([key]) => Object.hasOwn(SEED_SPELLINGS, key))) return step;
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const native = Object.hasOwn(SEED_SPELLINGS, key) ? (SEED_SPELLINGS[key] ?? key) : key;
      // Given in both spellings, neither wins: the seed's stays and is refused as unknown.
      return [Object.hasOwn(step, native) ? key : native, value];
    }),
  );
}
