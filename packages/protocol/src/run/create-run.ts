import * as z from "zod";

import { OpaqueIdSchema } from "../ids.ts";
import { limit } from "../limits.ts";
import { BudgetSchema, type Budget } from "../session/usage.ts";
import { PlanSchema, RequirementsSchema, type PlanInput, type Requirements } from "./plan.ts";
import { RepositorySchema, type Repository } from "./repository.ts";
import { CommandSchema, type Command } from "./tools.ts";
import { WorkspacePathSchema } from "./workspace-path.ts";

/** A request in plain words, with what should happen around it. */
export const StandardOptionsSchema = z.strictObject({
  prompt: z.string().trim().min(1).max(limit("prompt.length")),
  /** Adds the checks type check, lint, test and security after the work. */
  quality: z.boolean().default(false),
  /** Adds a step that puts the changes on a branch and proposes them. */
  openPr: z.boolean().default(false),
  /** The file that the work should end up in. */
  filePath: WorkspacePathSchema.optional(),
});
export type StandardOptions = z.infer<typeof StandardOptionsSchema>;

export const TASK_TYPES = [
  "code",
  "research",
  "writing",
  "data_analysis",
  "document_processing",
  "document_writing",
  "document_analysis",
] as const;
export const TaskTypeSchema = z.enum(TASK_TYPES);
export type TaskType = z.infer<typeof TaskTypeSchema>;

/** A project's id: chosen by its users, stable, printable, made when first used. */
export const ProjectIdSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.:-]*$/,
    "must have letters, digits, '_', '.', ':' or '-' and begin with a letter or digit",
  );

const WAYS = ["plan", "standard", "instructions", "command"] as const;

/** What a caller sends to make a run: exactly one of `plan`, `standard`, `instructions` and `command`. */
export const CreateRunRequestSchema = z
  .strictObject({
    projectId: ProjectIdSchema.default("default"),
    name: z.string().min(1).max(200).optional(),
    plan: PlanSchema.optional(),
    standard: StandardOptionsSchema.optional(),
    instructions: z.string().trim().min(1).max(limit("prompt.length")).optional(),
    /** Goes with `instructions`; default `code`. */
    taskType: TaskTypeSchema.optional(),
    /** A shell text, or a command. */
    command: z.union([z.string().trim().min(1).max(limit("command.length")), CommandSchema]).optional(),
    /** The repository that the workspace is cloned from; default the project's. */
    repo: RepositorySchema.optional(),
    /** Copy the workspace files of this run first. */
    fromRunId: OpaqueIdSchema.nullish(),
    /** With `instructions`: repeat the steps of this run. */
    referenceRunId: OpaqueIdSchema.nullish(),
    /** What every step needs of its runner. */
    requires: RequirementsSchema.optional(),
    /** Ends the run when it has not ended by itself after this time. */
    timeoutMs: z
      .int()
      .min(100)
      .max(limit("step.timeoutMaxMs") * 7)
      .optional(),
    /** What its agents may use together before somebody is asked for more. */
    budget: BudgetSchema.optional(),
  })
  .superRefine((request, context) => {
    const given = WAYS.filter((way) => request[way] !== undefined);
    if (given.length !== 1) {
      context.addIssue({
        code: "custom",
        path: given.length > 1 ? [given[1] ?? ""] : [],
        message: `needs exactly one of ${WAYS.join(", ")}; got ${given.length === 0 ? "none" : given.join(" and ")}`,
      });
    }
    if (request.taskType !== undefined && request.instructions === undefined) {
      context.addIssue({ code: "custom", path: ["taskType"], message: "goes with instructions only" });
    }
  });
export type CreateRunRequest = z.infer<typeof CreateRunRequestSchema>;
/** The same as a caller may write it, with defaults left out. */
export interface CreateRunInput {
  readonly projectId?: string;
  readonly name?: string;
  readonly plan?: PlanInput;
  readonly standard?: { prompt: string; quality?: boolean; openPr?: boolean; filePath?: string };
  readonly instructions?: string;
  readonly taskType?: TaskType;
  readonly command?: string | Command;
  readonly repo?: Repository;
  readonly fromRunId?: string | null;
  readonly referenceRunId?: string | null;
  readonly requires?: Requirements;
  readonly timeoutMs?: number;
  readonly budget?: Budget;
}

export const CancelRunRequestSchema = z.strictObject({
  reason: z.string().max(limit("gate.noteLength")).optional(),
  /** `cancel` lets steps clean up for the grace time; `abort` kills at once. */
  mode: z.enum(["cancel", "abort"]).default("cancel"),
});
export type CancelRunRequest = z.infer<typeof CancelRunRequestSchema>;
