import * as z from "zod";

import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
/** The name of an object of git: SHA-1, or SHA-256 where a repository uses that. */
export const GitObjectSchema = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "must be a full object id");

const count = z.int().min(0);
/** How much a workspace differs from the commit that it began from. Lines of binary files are not counted. */
export const DiffStatsSchema = z.object({ files: count, added: count, removed: count });
export type DiffStats = z.infer<typeof DiffStatsSchema>;

/** One file that differs. */
export const DiffFileSchema = z.object({
  path: z.string(),
  status: z.enum(["added", "modified", "deleted"]),
  added: count,
  removed: count,
  /** A binary file is named, and its content not shown. */
  isBinary: z.boolean(),
});
export type DiffFile = z.infer<typeof DiffFileSchema>;

/** A diff as its runner computed and stored it: the document whose hash the fact names. */
export const DiffDocumentSchema = z.object({
  v: z.literal(1),
  /** The commit that the workspace began from. */
  base: GitObjectSchema,
  /** The workspace as a tree of git. */
  tree: GitObjectSchema,
  stats: DiffStatsSchema,
  files: z.array(DiffFileSchema).max(limit("diff.files")),
  /** Unified, as `git diff` writes it. */
  text: z.string(),
  /** Whether secrets of the step were taken out of it. The tree has them. */
  isRedacted: z.boolean().default(false),
  /** What is not here because of the limits `diff.files` and `diff.bytes`; null when all is. */
  cut: z.object({ files: count, isTextCut: z.boolean() }).nullable(),
});
export type DiffDocument = z.infer<typeof DiffDocumentSchema>;

const blob = { sha256: Sha256Schema, bytes: count };
/** A workspace at one moment, told by its runner: what it is, and the blobs that hold it. */
export const SnapshotSchema = z.object({
  base: GitObjectSchema,
  tree: GitObjectSchema,
  /** The `DiffDocument`. */
  document: z.object(blob),
  /** sha256 of the text of the diff. */
  diffHash: Sha256Schema,
  /** The objects of git that the tree has and its base has not; null when nobody asked for them. */
  pack: z.object(blob).nullable(),
});
export type Snapshot = z.infer<typeof SnapshotSchema>;

/** What a session's agent has changed, against the commit that its workspace began from. */
export const SessionDiffSchema = DiffDocumentSchema.omit({ v: true }).extend({
  sessionId: z.string(),
  diffHash: z.string(),
  /** Names this very diff, also after the workspace has changed. */
  document: z.string(),
  takenAt: TimestampSchema,
  /** Whether it is what the session left: taken after its agent had ended. */
  isFinal: z.boolean(),
  /** Whether the session is over and this the last that is known of it: its machine was lost, and what came after. */
  isLeftover: z.boolean(),
});
export type SessionDiff = z.infer<typeof SessionDiffSchema>;
