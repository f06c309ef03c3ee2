import * as z from "zod";

import { limit, type LimitName } from "./limits.ts";

/** The limits that an installation may set otherwise; every other is the same everywhere. */
const TUNABLE_LIMITS = [
  "runner.heartbeatMs",
  "runner.offlineMs",
  "lease.ttlMs",
  "lease.renewMs",
  "lease.graceMs",
  "offer.ttlMs",
  "cancel.graceMs",
  "step.outputBytes",
  "probe.everyMs",
  "disk.reserveBytes",
  "sessions.perOrg",
  "webhook.bodyBytes",
  "webhook.connectMs",
  "webhook.timeoutMs",
  "webhook.leaseMs",
  "webhook.tries",
  "webhook.backoffMs",
  "webhook.backoffMaxMs",
  "webhook.keepTryingMs",
  "webhook.logTtlMs",
  "webhook.concurrency",
  "webhook.concurrencyTotal",
  "webhook.breakerFailures",
  "webhook.breakerMs",
  "webhook.breakerMaxMs",
] as const satisfies readonly LimitName[];

/**
 * Limits set otherwise, by name. A lease must outlive two renewals, else one lost frame would end it; and the claim of a
 * delivery must outlive its try, else it would be made twice.
 */
export const LimitOverridesSchema = z
  .partialRecord(z.enum(TUNABLE_LIMITS), z.int().min(1).max(Number.MAX_SAFE_INTEGER))
  .refine((overrides) => {
    const limits = limitsWith(overrides);
    return 2 * limits("lease.renewMs") <= limits("lease.ttlMs");
  }, "lease.ttlMs must be at least twice lease.renewMs")
  .refine((overrides) => {
    const limits = limitsWith(overrides);
    return limits("webhook.leaseMs") > limits("webhook.timeoutMs");
  }, "webhook.leaseMs must be longer than webhook.timeoutMs");
export type LimitOverrides = z.infer<typeof LimitOverridesSchema>;

/** The value of a limit where some are set otherwise. */
export type LimitLookup = (name: LimitName) => number;

/** The limits of an installation: its own where it set some, else the product's. */
export function limitsWith(overrides: LimitOverrides = {}): LimitLookup {
  const own: Partial<Record<LimitName, number>> = overrides;
  return (name) => own[name] ?? limit(name);
}
