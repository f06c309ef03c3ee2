import {
  limit,
  PlanSchema,
  ProjectIdSchema,
  ResolveGateRequestSchema,
  RunStateSchema,
  StandardOptionsSchema,
} from "@signalbox/protocol";
import * as z from "zod";

import { wholeNumber } from "../query.ts";

/** What this face takes for a run: exactly one of `plan`, `standard` and `command`, in either spelling of its names. */
export const CreateRunSchema = z.strictObject({
  projectId: ProjectIdSchema.default("default"),
  project_id: ProjectIdSchema.optional(),
  plan: PlanSchema.optional(),
  standard: z
    .strictObject({ ...StandardOptionsSchema.shape, open_pr: z.boolean(), file_path: z.string() })
    .partial({ open_pr: true, file_path: true })
    .optional(),
  command: z.string().min(1).max(limit("command.length")).optional(),
});

const projectId = ProjectIdSchema.optional();
export const ListRunsQuerySchema = z.object({
  limit: wholeNumber({ min: 1, max: limit("page.size") }).default(50),
  projectId,
  project_id: projectId,
});

export const ResolveGateSchema = z.strictObject({
  ...ResolveGateRequestSchema.shape,
  content_hash: ResolveGateRequestSchema.shape.contentHash,
});

export const RunSchema = z.object({
  id: z.string(),
  status: RunStateSchema,
  projectId: z.string(),
  goal: z.string(),
  error: z.string().optional(),
  created_at: z.string(),
  updated_at: z.string(),
  started_at: z.string().optional(),
  ended_at: z.string().optional(),
});
export type NofxRun = z.infer<typeof RunSchema>;

export const StepSchema = z.object({
  id: z.string(),
  name: z.string(),
  tool: z.string(),
  status: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  outputs: z.record(z.string(), z.unknown()).optional(),
  error: z.string().optional(),
  /** The same for the same work in the same project. */
  idempotency_key: z.string(),
});
export type NofxStep = z.infer<typeof StepSchema>;

export const ArtifactSchema = z.object({
  id: z.string(),
  type: z.string(),
  path: z.string(),
  metadata: z.record(z.string(), z.unknown()),
});
export type NofxArtifact = z.infer<typeof ArtifactSchema>;

export const RunDetailsSchema = z.object({
  run: RunSchema,
  steps: z.array(StepSchema),
  artifacts: z.array(ArtifactSchema),
});
export type NofxRunDetails = z.infer<typeof RunDetailsSchema>;
export const RunListSchema = z.object({ runs: z.array(RunSchema) });

export const GateSchema = z.object({
  id: z.string(),
  run_id: z.string(),
  step: z.string(),
  status: z.string(),
  description: z.string(),
  content_hash: z.string(),
  note: z.string().optional(),
});
export type NofxGate = z.infer<typeof GateSchema>;

export const WebhookSchema = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  active: z.boolean(),
  created_at: z.string(),
});
export type NofxWebhook = z.infer<typeof WebhookSchema>;
export const WebhookWithSecretSchema = WebhookSchema.extend({ secret: z.string() });
export const WebhookListSchema = z.object({ webhooks: z.array(WebhookSchema) });

/** One event, as streams and webhooks tell it. */
export const EventSchema = z.object({
  event_type: z.string(),
  run_id: z.string(),
  step_id: z.string().optional(),
  payload: z.record(z.string(), z.unknown()),
  created_at: z.string(),
});
export type NofxEvent = z.infer<typeof EventSchema>;

export const RefusalSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).optional() }),
});
