import * as z from "zod";

import { SelfApprovalSchema } from "../access/decision-rule.ts";
import type { EventDefinition } from "../event.ts";
import { GrantedBudgetSchema, UsageSchema } from "../session/usage.ts";
import { FailureReasonSchema } from "./failure-reasons.ts";

const step = { name: z.string() };
const attempt = { ...step, attemptId: z.string(), epoch: z.int(), runnerId: z.string() };
const ending = { reason: FailureReasonSchema.optional(), message: z.string().optional() };
/** How the attempt ended, where that is not how its step did: one that was lost for good, or failed while being cancelled. */
const attemptStatus = z.enum(["failed", "lost", "interrupted"]).optional();
const gate = { name: z.string(), gateId: z.string() };

/** Every event of a run's stream, named in the past; what each says and carries. */
export const RUN_EVENTS = {
  "run.created": {
    meaning: "A run was made and its steps planned.",
    data: z.object({
      goal: z.string(),
      projectId: z.string(),
      source: z.string(),
      steps: z.array(z.object({ name: z.string(), tool: z.string(), needs: z.array(z.string()) })),
    }),
  },
  "run.started": { meaning: "The first step began.", data: z.object({}) },
  "run.cancel_requested": {
    meaning: "Somebody wants the run cancelled; work is being stopped.",
    data: z.object({ mode: z.enum(["cancel", "abort"]), reason: z.string().optional() }),
  },
  "run.succeeded": {
    meaning: "Every step succeeded or had nothing to do.",
    data: z.object({ goal: z.string(), duration: z.number(), steps_count: z.int() }),
  },
  "run.failed": {
    meaning: "A step failed for good.",
    data: z.object({
      goal: z.string(),
      duration: z.number(),
      steps_count: z.int(),
      error: z.string(),
      reason: FailureReasonSchema,
    }),
  },
  "run.cancelled": {
    meaning: "The run was cancelled and nothing of it runs any more.",
    data: z.object({ goal: z.string(), duration: z.number(), steps_count: z.int(), ...ending }),
  },
  "step.delayed": {
    meaning: "A step will be tried again later.",
    data: z.object({ ...step, delayMs: z.int(), ...ending }),
  },
  "step.started": {
    meaning: "A runner began an attempt at a step.",
    data: z.object({
      ...attempt,
      number: z.int(),
      sandbox: z.object({ engine: z.string(), network: z.string(), detail: z.string().optional() }),
    }),
  },
  "step.progress": {
    meaning: "A step says how far it has come.",
    data: z.object({ ...step, percent: z.number().optional(), message: z.string().optional() }),
  },
  "step.finished": {
    meaning: "A step is over.",
    data: z.object({
      ...step,
      status: z.enum(["succeeded", "failed", "skipped", "cancelled"]),
      attemptId: z.string().optional(),
      attemptStatus,
      exitCode: z.int().optional(),
      durationMs: z.number().optional(),
      ...ending,
    }),
  },
  "attempt.leased": {
    meaning: "An attempt at a step was given to a runner.",
    data: z.object({ ...attempt, number: z.int(), envelopeHash: z.string() }),
  },
  "attempt.ended": {
    meaning: "An attempt ended without deciding its step.",
    data: z.object({ ...attempt, status: z.enum(["failed", "lost", "interrupted", "cancelled"]), ...ending }),
  },
  "gate.pending": {
    meaning: "A decision is awaited; `again` says why, where somebody has said yes before.",
    data: z.object({
      ...gate,
      gate_id: z.string(),
      description: z.string(),
      approvers: z.array(z.string()),
      selfApproval: SelfApprovalSchema.optional(),
      contentHash: z.string(),
      expiresAt: z.string(),
      again: z.string().optional(),
    }),
  },
  "gate.approved": { meaning: "Somebody said yes.", data: z.object({ ...gate, note: z.string().optional() }) },
  "gate.denied": { meaning: "Somebody said no.", data: z.object({ ...gate, note: z.string().optional() }) },
  "gate.expired": { meaning: "Nobody answered in time.", data: z.object(gate) },
  "gate.superseded": {
    meaning: "The run ended before anybody answered, or who had said yes may not decide any more.",
    data: z.object(gate),
  },
  "budget.exhausted": {
    meaning: "The run's budget is used up; a step waits for somebody to allow more, or for another to give back.",
    data: z.object({ ...step, budget: GrantedBudgetSchema, usage: UsageSchema }),
  },
  "budget.extended": {
    meaning: "Somebody allowed more; what waited goes on.",
    data: z.object({ budget: GrantedBudgetSchema, usage: UsageSchema }),
  },
  "artifact.created": {
    meaning: "A file was kept as an artifact.",
    data: z.object({
      artifact_id: z.string(),
      path: z.string(),
      type: z.string(),
      kind: z.string(),
      bytes: z.int(),
      step: z.string(),
    }),
  },
} as const satisfies Record<string, EventDefinition>;
export type RunEventType = keyof typeof RUN_EVENTS;
/** What an event of a type carries. */
export type RunEventData<Type extends RunEventType> = z.input<(typeof RUN_EVENTS)[Type]["data"]>;

/** The events that end a run's stream. */
export const FINAL_RUN_EVENTS: ReadonlySet<string> = new Set<RunEventType>([
  "run.succeeded",
  "run.failed",
  "run.cancelled",
]);
