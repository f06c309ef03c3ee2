import * as z from "zod";

import { ProviderIdSchema } from "../provider.ts";
import { SandboxModeSchema } from "./plan.ts";
import { RepositorySchema } from "./repository.ts";
import { ShownChangesSchema } from "./shown-changes.ts";
import { CommandSchema } from "./tools.ts";

/**
 * Exactly what an attempt will run. The control plane hashes it when it leases, the runner when it is about to start,
 * and both refuse to go on when the hashes differ. Values of the environment and secrets are in it as hashes only.
 */
export const EnvelopeSchema = z.strictObject({
  v: z.literal(1),
  orgId: z.string(),
  projectId: z.string(),
  runId: z.string(),
  step: z.string(),
  /** The same for every attempt at the step: what an outside system may use as idempotency key. */
  idempotencyKey: z.string(),
  tool: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  /** What the project configures for this tool; null where the tool needs no configuration. */
  command: CommandSchema.nullable(),
  toolsAllowed: z.array(z.string()).nullable(),
  /** Names of entries that the runner may pass on from its own machine, within its owner's policy. */
  envAllowed: z.array(z.string()),
  /** sha256 of the canonical JSON of the environment that travels beside the envelope. */
  environmentHash: z.string(),
  secretsScope: z.string().nullable(),
  secretNames: z.array(z.string()),
  repo: RepositorySchema.nullable(),
  /** sha256 of the manifest that the workspace begins from; null for an empty one, or the repository as it is. */
  baseManifest: z.string().nullable(),
  artifacts: z.array(z.string()),
  sandbox: SandboxModeSchema,
  network: z.enum(["none", "host"]),
  timeoutMs: z.int(),
  onDisconnect: z.enum(["stop", "continue"]),
  /** The session that the step is the work of, and how far it had come; absent for a step without one. */
  session: z
    .strictObject({
      sessionId: z.string(),
      /** Whose agent it is, where the tool does not name it. */
      provider: ProviderIdSchema.optional(),
      nativeSessionId: z.string().nullable(),
      turns: z.int(),
      /** Whether it was lost in the middle of a turn, which is to go on. */
      wasWorking: z.boolean(),
    })
    .optional(),
  /** The changes of the run that these gates showed; absent where none did. */
  changes: ShownChangesSchema.optional(),
  /** The gates that let this step through, with the hash of what each was asked. */
  approvals: z.array(z.strictObject({ gateId: z.string(), contentHash: z.string() })),
});
export type Envelope = z.infer<typeof EnvelopeSchema>;

/** What the hash of an envelope is taken over. */
export const ENVELOPE_HASH_PREFIX = "envelope/v1\u0000";
