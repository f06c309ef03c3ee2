import * as z from "zod";

import { GrantedBudgetSchema, UsageSchema } from "../session/usage.ts";
import { TimestampSchema } from "../timestamp.ts";
import { ArtifactSchema } from "./artifact.ts";
import { FailureReasonSchema } from "./failure-reasons.ts";
import { GateSchema } from "./gate.ts";
import {
  ATTEMPT_TRANSITIONS,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type AttemptState,
  type RunState,
  type StepState,
} from "./run-states.ts";
import { RepositorySchema } from "./repository.ts";
import { TaskTypeSchema } from "./create-run.ts";

export const RunStateSchema = z.enum(Object.keys(RUN_TRANSITIONS) as [RunState, ...RunState[]]);
export const StepStateSchema = z.enum(Object.keys(STEP_TRANSITIONS) as [StepState, ...StepState[]]);
export const AttemptStateSchema = z.enum(Object.keys(ATTEMPT_TRANSITIONS) as [AttemptState, ...AttemptState[]]);

/** An order, and how far it has come. */
export const RunSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  projectId: z.string(),
  name: z.string().optional(),
  goal: z.string(),
  source: z.enum(["plan", "standard", "instructions", "command", "session"]),
  taskType: TaskTypeSchema.optional(),
  status: RunStateSchema,
  /** Share of the steps that are over, 0 to 100; never falls. */
  progress: z.int(),
  /** Why it failed or was cancelled. */
  reason: FailureReasonSchema.optional(),
  message: z.string().optional(),
  cancelRequestedAt: TimestampSchema.optional(),
  repo: RepositorySchema.optional(),
  fromRunId: z.string().optional(),
  referenceRunId: z.string().optional(),
  /** What its agents have used together, over all attempts, as far as they report it; absent until the first begins. */
  usage: UsageSchema.optional(),
  /** The most that its agents may use together, as granted so far. */
  budget: GrantedBudgetSchema.optional(),
  /** The number of its last event: where a reader that has just read this begins. */
  lastSeq: z.int(),
  createdAt: TimestampSchema,
  updatedAt: TimestampSchema,
  startedAt: TimestampSchema.optional(),
  endedAt: TimestampSchema.optional(),
});
export type Run = z.infer<typeof RunSchema>;

/** One try at a step by one runner. */
export const AttemptSchema = z.object({
  id: z.string(),
  number: z.int(),
  epoch: z.int(),
  runnerId: z.string(),
  status: AttemptStateSchema,
  reason: FailureReasonSchema.optional(),
  message: z.string().optional(),
  exitCode: z.int().optional(),
  /** What the work was really enclosed by. `none` is said out loud. */
  sandbox: z.object({ engine: z.string(), network: z.string(), detail: z.string().optional() }).optional(),
  envelopeHash: z.string(),
  startedAt: TimestampSchema.optional(),
  endedAt: TimestampSchema.optional(),
});
export type Attempt = z.infer<typeof AttemptSchema>;

/** A step of a run, and how far it has come. */
export const StepDetailsSchema = z.object({
  id: z.string(),
  runId: z.string(),
  index: z.int(),
  name: z.string(),
  tool: z.string(),
  /** The same for the same work in the same project: hash of project, name, tool and inputs. */
  key: z.string(),
  needs: z.array(z.string()),
  inputs: z.record(z.string(), z.unknown()),
  status: StepStateSchema,
  reason: FailureReasonSchema.optional(),
  message: z.string().optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  /** The session that it is the work of; absent for a step without an agent, and where nobody has begun with it. */
  sessionId: z.string().optional(),
  attempts: z.array(AttemptSchema),
  startedAt: TimestampSchema.optional(),
  endedAt: TimestampSchema.optional(),
});
export type StepDetails = z.infer<typeof StepDetailsSchema>;

/** What a program needs to know about how a run ended. */
export const MachineSummarySchema = z.object({
  goal: z.string(),
  primaryArtifact: z.string().nullable(),
  secondaryArtifacts: z.array(z.string()),
  executionAttempted: z.boolean(),
  executionSucceeded: z.boolean(),
  reasonForFailure: FailureReasonSchema.nullable(),
  notes: z.string().nullable(),
});
export type MachineSummary = z.infer<typeof MachineSummarySchema>;

/** A run with its steps, gates and artifacts. `summary` is there once the run has ended. */
export const RunDetailsSchema = z.object({
  run: RunSchema,
  steps: z.array(StepDetailsSchema),
  gates: z.array(GateSchema),
  artifacts: z.array(ArtifactSchema),
  summary: MachineSummarySchema.nullable(),
});
export type RunDetails = z.infer<typeof RunDetailsSchema>;

/** Why a step that could run does not. */
export const WaitingReasonSchema = z.object({
  step: z.string(),
  reason: z.enum([
    "no_runner",
    "no_matching_runner",
    "runners_full",
    "runner_draining",
    "concurrency_key",
    "delayed",
    "needs",
    "gate",
    "budget",
  ]),
  message: z.string(),
});
export type WaitingReason = z.infer<typeof WaitingReasonSchema>;
