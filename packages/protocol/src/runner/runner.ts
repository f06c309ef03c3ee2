import * as z from "zod";

import { OpaqueIdSchema, OrgIdSchema, RunnerIdSchema } from "../ids.ts";
import { limit } from "../limits.ts";
import { ProviderIdSchema } from "../provider.ts";
import { TimestampSchema } from "../timestamp.ts";
import { RUNNER_TRANSITIONS, type RunnerState } from "./runner-states.ts";

export const RunnerStateSchema = z.enum(Object.keys(RUNNER_TRANSITIONS) as [RunnerState, ...RunnerState[]]);

const word = z.string().min(1).max(100);

/** What a machine can do. */
export const CapabilitiesSchema = z.object({
  /** Agent providers whose programs are there. */
  providers: z.array(word).max(50).default([]),
  /** The agent that works on steps with the tool `codegen` there. Default the scripted one. */
  codegenProvider: ProviderIdSchema.optional(),
  /** Attempts that it takes at once. */
  maxConcurrentSessions: z.int().min(1).max(limit("runner.slotsMax")).optional(),
  features: z.array(word).max(100).default([]),
});
export type Capabilities = z.infer<typeof CapabilitiesSchema>;

/** Versions of what is installed, by name: an open list. */
export const RuntimeVersionsSchema = z.record(word, z.string().max(100));

/** A machine that wants to join the fleet. */
export const RegisterRunnerRequestSchema = z.object({
  orgId: OrgIdSchema.optional(),
  hostname: z.string().min(1).max(253),
  capabilities: CapabilitiesSchema,
  labels: z.record(word, z.string().max(200)).optional(),
  metadata: z.record(word, z.string().max(1_000)).optional(),
  runtimeVersions: RuntimeVersionsSchema.optional(),
});
export type RegisterRunnerRequest = z.infer<typeof RegisterRunnerRequestSchema>;
export type RegisterRunnerInput = z.input<typeof RegisterRunnerRequestSchema>;

const percent = z.number().min(0).max(100);
export const RunnerLoadSchema = z.object({ cpuPercent: percent, memoryPercent: percent, diskPercent: percent });
export type RunnerLoad = z.infer<typeof RunnerLoadSchema>;

/** A sign of life. */
export const RunnerHeartbeatSchema = z.object({
  runnerId: RunnerIdSchema,
  timestamp: TimestampSchema,
  activeSessions: z.array(OpaqueIdSchema).max(limit("runner.slotsMax")).default([]),
  load: RunnerLoadSchema,
  runtimeVersions: RuntimeVersionsSchema.optional(),
});
export type RunnerHeartbeat = z.infer<typeof RunnerHeartbeatSchema>;

/** A machine of the fleet. */
export const RunnerSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  hostname: z.string(),
  status: RunnerStateSchema,
  /** Whether its control channel is open now. */
  connected: z.boolean(),
  capabilities: CapabilitiesSchema.extend({ maxConcurrentSessions: z.int() }),
  labels: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()),
  runtimeVersions: z.record(z.string(), z.string()),
  load: RunnerLoadSchema.optional(),
  activeAttempts: z.int(),
  lastHeartbeatAt: TimestampSchema.optional(),
  registeredAt: TimestampSchema,
  retiredAt: TimestampSchema.optional(),
});
export type Runner = z.infer<typeof RunnerSchema>;

/** What a runner sends once, over HTTPS, to be admitted: a single-use token, and a key that never leaves it. */
export const EnrolRunnerRequestSchema = RegisterRunnerRequestSchema.omit({ orgId: true }).extend({
  token: z.string().min(20).max(200),
  /** Ed25519 public key, SPKI in DER, base64. */
  publicKey: z.string().min(40).max(200),
  /** Signature by that key over `enrolmentPreimage(token, publicKey)`, base64. */
  proof: z.string().min(40).max(200),
});
export type EnrolRunnerRequest = z.infer<typeof EnrolRunnerRequestSchema>;
export type EnrolRunnerInput = z.input<typeof EnrolRunnerRequestSchema>;

/** What the proof of an enrolment signs. */
export function enrolmentPreimage(token: string, publicKey: string): string {
  return `signalbox enrolment v1\n${token}\n${publicKey}`;
}

/** What the signature of a hello signs. */
export function helloPreimage(nonce: string, runnerId: string): string {
  return `signalbox hello v1\n${nonce}\n${runnerId}`;
}

export const CreateEnrolmentTokenRequestSchema = z.strictObject({
  ttlMs: z.int().min(1_000).max(limit("enrolment.ttlMs")).default(limit("enrolment.ttlMs")),
  /** Labels that the server gives the runner; they cannot be claimed by the runner itself. */
  labels: z.record(word, z.string().max(200)).default({}),
});
export type CreateEnrolmentTokenRequest = z.infer<typeof CreateEnrolmentTokenRequestSchema>;
