import * as z from "zod";

import { EnvelopeSchema } from "../run/envelope.ts";
import { FailureReasonSchema } from "../run/failure-reasons.ts";
import { OUTPUT_STREAMS, OutputStreamSchema } from "../run/output.ts";
import { WorkspacePathSchema } from "../run/workspace-path.ts";
import { SessionCommandSchema, TerminalCommandSchema } from "../session/session-command.ts";
import { CapabilitiesSchema, RunnerLoadSchema, RuntimeVersionsSchema } from "./runner.ts";

/** WebSocket subprotocol of the control channel and of the output channel, newest first. */
export const CONTROL_SUBPROTOCOL = "signalbox.control.v1";
export const OUTPUT_SUBPROTOCOL = "signalbox.output.v1";
/** Where a server offers them, and the HTTP side of the runner protocol. */
export const RUNNER_PATHS = {
  enrol: "/runner/v1/enrol",
  control: "/runner/v1/control",
  output: "/runner/v1/output",
  blobs: "/runner/v1/blobs",
  records: "/runner/v1/records",
} as const;

/** An attempt and the epoch under which its runner holds it: on every message about it, checked in the commit. */
const held = { attemptId: z.string(), epoch: z.int().min(1) };
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const id = z.string().min(1).max(128);

/** How an attempt ended, as its runner saw it. */
export const AttemptResultSchema = z.object({
  outcome: z.enum(["succeeded", "failed", "skipped", "cancelled", "interrupted"]),
  reason: FailureReasonSchema.optional(),
  message: z.string().max(4_000).optional(),
  exitCode: z.int().optional(),
  signal: z.string().max(20).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  /** What each stream came to. The result is applied once all of it has arrived, or is declared lost. */
  streams: z
    .array(z.object({ stream: OutputStreamSchema, length: z.int().min(0), sha256 }))
    .max(OUTPUT_STREAMS.length)
    .default([]),
  /** The blob that holds the `WorkspaceChanges`; absent when nothing changed. */
  changes: z.object({ sha256, files: z.int().min(0) }).optional(),
  artifacts: z
    .array(z.object({ path: WorkspacePathSchema, sha256, bytes: z.int().min(0) }))
    .max(1_000)
    .default([]),
  durationMs: z.number().min(0).optional(),
});
export type AttemptResult = z.infer<typeof AttemptResultSchema>;

const SandboxReportSchema = z.object({
  engine: z.string().max(50),
  network: z.string().max(50),
  detail: z.string().max(500).optional(),
});
export type SandboxReport = z.infer<typeof SandboxReportSchema>;

/** What a runner says on its control channel. */
export const RunnerMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.object({ min: z.int(), max: z.int() }),
    runnerId: id,
    /** Ed25519 over `helloPreimage(nonce, runnerId)`, base64. */
    signature: z.string().max(200),
    features: z.array(z.string().max(100)).max(100),
    capabilities: CapabilitiesSchema,
    runtimeVersions: RuntimeVersionsSchema.optional(),
    /** Attempts that still live here, and those that wait in the spool with a result. */
    attempts: z.array(z.object({ ...held, state: z.enum(["live", "finished", "interrupted"]) })).max(5_000),
  }),
  z.object({
    type: z.literal("heartbeat"),
    load: RunnerLoadSchema,
    runtimeVersions: RuntimeVersionsSchema.optional(),
    activeAttempts: z.array(id).max(5_000),
    freeSlots: z.int().min(0),
  }),
  /** `sentAt` is the runner's own monotonic clock; it comes back with the answer. */
  z.object({ type: z.literal("renew"), sentAt: z.number(), attempts: z.array(z.object(held)).max(5_000) }),
  z.object({ type: z.literal("accept"), offerId: id, attemptId: id }),
  z.object({ type: z.literal("decline"), offerId: id, attemptId: id, reason: z.string().max(500) }),
  z.object({ type: z.literal("started"), ...held, envelopeHash: sha256, sandbox: SandboxReportSchema }),
  z.object({
    type: z.literal("progress"),
    ...held,
    percent: z.number().min(0).max(100).optional(),
    message: z.string().max(1_000).optional(),
  }),
  /**
   * A session was told to end, and no process of its agent is left: what it said last, and the result, are still to come. Said
   * once, and only to a control plane whose welcome has the feature of this name.
   */
  z.object({ type: z.literal("agent_ended"), ...held }),
  z.object({ type: z.literal("finish"), ...held, result: AttemptResultSchema }),
  z.object({ type: z.literal("probe_ack"), probeId: id }),
  /** The runner is about to leave, or wants to; `comesBack` tells landing from retiring. */
  z.object({ type: z.literal("drain"), comesBack: z.boolean() }),
]);
export type RunnerMessage = z.infer<typeof RunnerMessageSchema>;
export type RunnerMessageOf<Type extends RunnerMessage["type"]> = Extract<RunnerMessage, { type: Type }>;

/** Everything that an attempt needs in order to start. */
export const StartGrantSchema = z.object({
  ...held,
  leaseMs: z.int(),
  number: z.int(),
  envelope: EnvelopeSchema,
  envelopeHash: sha256,
  /** Entries that the project gives the step. */
  environment: z.record(z.string(), z.string()),
  secrets: z.array(z.object({ name: z.string(), value: z.string() })),
  cancelGraceMs: z.int(),
  outputBytes: z.int(),
});
export type StartGrant = z.infer<typeof StartGrantSchema>;

/** What the control plane says on a runner's control channel. */
export const ControlMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("challenge"), nonce: z.string(), protocol: z.object({ min: z.int(), max: z.int() }) }),
  z.object({
    type: z.literal("welcome"),
    protocol: z.int(),
    connectionId: z.string(),
    /** Opens the output channel and the blobs for as long as this connection lives. */
    connectionToken: z.string(),
    features: z.array(z.string()),
    intervals: z.object({
      heartbeatMs: z.int(),
      renewMs: z.int(),
      leaseMs: z.int(),
      windowBytes: z.int(),
      frameBytes: z.int(),
    }),
    /** What to do with each attempt that the hello named. */
    attempts: z.array(z.object({ ...held, verdict: z.enum(["keep", "cancel", "abort", "fenced", "unknown"]) })),
  }),
  z.object({
    type: z.literal("offer"),
    offerId: z.string(),
    attemptId: z.string(),
    runId: z.string(),
    step: z.string(),
    tool: z.string(),
    expiresMs: z.int(),
  }),
  z.object({ type: z.literal("withdraw"), offerId: z.string(), attemptId: z.string() }),
  z.object({ type: z.literal("start"), offerId: z.string(), grant: StartGrantSchema }),
  z.object({
    type: z.literal("renewed"),
    sentAt: z.number(),
    attempts: z.array(z.object({ ...held, verdict: z.enum(["renewed", "cancel", "abort", "lost"]) })),
  }),
  /** What a session is told; see `SessionCommandSchema`. A number that was taken before is ignored. */
  z.object({
    type: z.literal("session_command"),
    ...held,
    seq: z.int().min(1),
    /** Numbers up to this one are none of this attempt's, or were taken by it: what lies between is on its way. */
    taken: z.int().min(0),
    command: SessionCommandSchema,
  }),
  /** What somebody does at its terminal. */
  z.object({ type: z.literal("terminal_command"), ...held, command: TerminalCommandSchema }),
  z.object({ type: z.literal("cancel"), ...held, mode: z.enum(["cancel", "abort"]) }),
  /** `applied`: recorded. `duplicate`: had been. `fenced`: too late. `incomplete`: output or blobs are missing, named in `missing`. */
  z.object({
    type: z.literal("finish_ack"),
    ...held,
    verdict: z.enum(["applied", "duplicate", "fenced", "unknown", "incomplete"]),
    missing: z
      .object({
        blobs: z.array(z.string()),
        streams: z.array(z.object({ stream: OutputStreamSchema, offset: z.int() })),
      })
      .optional(),
  }),
  z.object({ type: z.literal("fenced"), ...held }),
  z.object({ type: z.literal("probe"), probeId: z.string() }),
  z.object({ type: z.literal("draining") }),
  z.object({ type: z.literal("retired"), reason: z.string() }),
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string(), retryAfterMs: z.int().optional() }),
]);
export type ControlMessage = z.infer<typeof ControlMessageSchema>;
export type ControlMessageOf<Type extends ControlMessage["type"]> = Extract<ControlMessage, { type: Type }>;

/**
 * A line of a session's record, among those that its agents wrote, in place of what is missing: more than is given, or lost
 * on the way.
 */
export const RECORD_LEFT_OUT = { type: "record.left_out" } as const;

/** What the control plane answers on the output channel, as JSON text frames; the runner's frames are binary. */
export const OutputAnswerSchema = z.discriminatedUnion("type", [
  /** Everything before `offset` is stored for good. */
  z.object({
    type: z.literal("ack"),
    attemptId: z.string(),
    epoch: z.int(),
    stream: OutputStreamSchema,
    offset: z.int(),
  }),
  /** A frame was missing: send again from here. */
  z.object({
    type: z.literal("expect"),
    attemptId: z.string(),
    epoch: z.int(),
    stream: OutputStreamSchema,
    offset: z.int(),
  }),
  z.object({ type: z.literal("fenced"), attemptId: z.string(), epoch: z.int() }),
  /** The store cannot take it now; send again from the acknowledged offset after the pause. */
  z.object({ type: z.literal("pause"), attemptId: z.string(), epoch: z.int(), retryAfterMs: z.int() }),
]);
export type OutputAnswer = z.infer<typeof OutputAnswerSchema>;
