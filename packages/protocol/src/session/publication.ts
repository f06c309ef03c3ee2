import * as z from "zod";

import { ActorSchema } from "../actor.ts";
import { limit } from "../limits.ts";
import { FailureReasonSchema } from "../run/failure-reasons.ts";
import { GitRefSchema, RepositoryUrlSchema } from "../run/repository.ts";
import { TimestampSchema } from "../timestamp.ts";
import { DiffStatsSchema, GitObjectSchema } from "./session-diff.ts";

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex");
const line = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, "must be one line");
const text = z
  .string()
  .max(limit("publish.textLength"))
  .regex(/^[^\0]*$/, "must not hold NUL");

/** What a pull request says, and into which branch it asks to be taken. Without `target`: the repository's default. */
export const PullRequestSchema = z.strictObject({ title: line, body: text, target: GitRefSchema.optional() });
export type PullRequest = z.infer<typeof PullRequestSchema>;

/** Asks leave to publish what the agent of a session has changed. */
export const PublishSessionRequestSchema = z.strictObject({
  /** Made, or moved forward, in the session's repository. */
  branch: GitRefSchema,
  title: line,
  /** Below the title in the commit, and in the pull request. */
  body: text.default(""),
  /** Whether a pull request is opened as well. */
  openPr: z.boolean().default(false),
  /** With `openPr`: the branch that it asks to be taken into. Default: the repository's default. */
  target: GitRefSchema.optional(),
  /** The diff that was looked at; with another one, nothing is asked. */
  diffHash: Sha256Schema.optional(),
});
export type PublishSessionRequest = z.infer<typeof PublishSessionRequestSchema>;
export type PublishSessionInput = z.input<typeof PublishSessionRequestSchema>;

/** The feature of a machine whose owner lets something be published from it. */
export const PUBLISH_FEATURE = "publish";

/** Exactly what the tool `publish` pushes: fixed when leave for it was asked, and part of what was approved. */
export const PublishInputsSchema = z.strictObject({
  sessionId: z.string().min(1).max(200),
  remote: RepositoryUrlSchema,
  base: GitObjectSchema,
  tree: GitObjectSchema,
  diffHash: Sha256Schema,
  /** The diff as it was shown, and how much it is. */
  document: Sha256Schema,
  stats: DiffStatsSchema,
  /** When the workspace was looked at. */
  takenAt: TimestampSchema,
  /** Whether that was the last look at a machine that was lost later: what was done there after it is not in it. */
  isLeftover: z.boolean(),
  /** The objects of the tree. */
  pack: z.strictObject({ sha256: Sha256Schema, bytes: z.int().min(1) }),
  branch: GitRefSchema,
  message: text.min(1),
  /** The time of the commit, so that a repetition makes the same one. */
  committedAt: TimestampSchema,
  pullRequest: PullRequestSchema.nullable(),
});
export type PublishInputs = z.infer<typeof PublishInputsSchema>;

/** Something of a session that waits for leave to be published. What became of it is in its run. */
export const PublicationSchema = PublishInputsSchema.extend({
  /** Its work: a gate, and a step with the tool `publish` behind it. */
  runId: z.string(),
  /** The decision that it waits for, also found at `/approvals`. */
  approvalId: z.string(),
  contentHash: z.string(),
  expiresAt: TimestampSchema,
});
export type Publication = z.infer<typeof PublicationSchema>;

/** What the tool `publish` says when it is done. */
export const PublishOutputsSchema = z.object({
  remote: z.string(),
  branch: z.string(),
  commit: GitObjectSchema,
  pullRequest: z.object({ number: z.int(), url: z.string() }).nullable(),
});
export type PublishOutputs = z.infer<typeof PublishOutputsSchema>;

/** How far a publication has come: it waits for a decision, was let through, is out, or came to nothing. */
export const PUBLICATION_STATES = ["waiting", "approved", "published", "failed"] as const;

/** Something of a session that somebody wanted published, and what became of it. */
export const PublicationReportSchema = PublicationSchema.extend({
  state: z.enum(PUBLICATION_STATES),
  requestedAt: TimestampSchema,
  decidedAt: TimestampSchema.optional(),
  decidedBy: ActorSchema.optional(),
  endedAt: TimestampSchema.optional(),
  /** What was pushed. */
  commit: GitObjectSchema.optional(),
  /** What was opened, where that was wanted. */
  opened: z.object({ number: z.int(), url: z.string() }).optional(),
  /** Why it came to nothing. */
  reason: FailureReasonSchema.optional(),
  message: z.string().optional(),
});
export type PublicationReport = z.infer<typeof PublicationReportSchema>;
