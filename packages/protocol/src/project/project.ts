import * as z from "zod";

import { ApprovalPolicySchema, PutApprovalPolicySchema } from "../access/decision-rule.ts";
import { TimestampSchema } from "../timestamp.ts";
import { ProjectIdSchema, TaskTypeSchema } from "../run/create-run.ts";
import { RepositorySchema } from "../run/repository.ts";
import { CommandSchema, EnvironmentSchema } from "../run/tools.ts";

const ConfigurableToolSchema = z
  .string()
  .regex(
    /^((deploy|backup):[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|gate:(typecheck|test|lint|security)|pull-request)$/,
    "must be deploy:<environment>, backup:<name>, gate:<check> or pull-request",
  );

/** What a caller sends to make or change a project; what is left out stays as it is. */
export const PutProjectRequestSchema = z.strictObject({
  id: ProjectIdSchema.optional(),
  name: z.string().min(1).max(200).optional(),
  taskType: TaskTypeSchema.optional(),
  repo: RepositorySchema.nullish(),
  /** Entries that a step sees when its `envAllowed` names them. Not for secrets. */
  env: EnvironmentSchema.optional(),
  /** What `deploy:*`, `backup:*` and `pull-request` run, and what replaces a check that would be found. */
  commands: z.partialRecord(ConfigurableToolSchema, CommandSchema).optional(),
  /** Who may decide what is asked for from now on; what was asked before keeps its rule. */
  approvals: PutApprovalPolicySchema.optional(),
});
export type PutProjectRequest = z.infer<typeof PutProjectRequestSchema>;

/** What runs belong to: one working area with its settings. */
export const ProjectSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  name: z.string(),
  taskType: TaskTypeSchema.optional(),
  repo: RepositorySchema.optional(),
  env: z.record(z.string(), z.string()),
  commands: z.record(z.string(), CommandSchema),
  approvals: ApprovalPolicySchema,
  /** Names of the secrets, by scope; their values never leave the control plane but to a step that may have them. */
  secrets: z.record(z.string(), z.array(z.string())),
  createdAt: TimestampSchema,
  updatedAt: TimestampSchema,
});
export type Project = z.infer<typeof ProjectSchema>;

/** A secret's name is the name of the environment entry that a step gets. */
export const PutSecretRequestSchema = z.strictObject({ value: z.string().min(1).max(65_536) });
export type PutSecretRequest = z.infer<typeof PutSecretRequestSchema>;
