import * as z from "zod";

import { DiffDocumentSchema, DiffStatsSchema, GitObjectSchema } from "../session/session-diff.ts";

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex");

/** What the tool `changes` says: the workspace of its run as a tree, and the diff that shows it. */
export const ChangesOutputsSchema = z.strictObject({
  /** The commit that the run began from. */
  base: GitObjectSchema,
  tree: GitObjectSchema,
  /** sha256 of the text of the diff. */
  diffHash: Sha256Schema,
  /** The `DiffDocument`. */
  document: Sha256Schema,
  stats: DiffStatsSchema,
  /** The objects of the tree that the base has not; null where nothing was changed. */
  pack: z.strictObject({ sha256: Sha256Schema, bytes: z.int().min(1) }).nullable(),
});
export type ChangesOutputs = z.infer<typeof ChangesOutputsSchema>;

/** The changes of a run as a gate shows them: what is let through behind it is this tree and no other. */
export const ShownChangesSchema = ChangesOutputsSchema.extend({
  /** The step that took the diff. */
  step: z.string(),
  /** The manifest of the workspace that it saw. */
  manifest: z.string().nullable(),
});
export type ShownChanges = z.infer<typeof ShownChangesSchema>;

/** The whole diff that somebody decides on at a gate. */
export const GateDiffSchema = DiffDocumentSchema.omit({ v: true }).extend({
  gateId: z.string(),
  diffHash: z.string(),
  document: z.string(),
});
export type GateDiff = z.infer<typeof GateDiffSchema>;
