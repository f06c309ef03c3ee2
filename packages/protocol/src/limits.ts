interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters" | "per second" | "percent";
  readonly meaning: string;
}

/** Every limit and default duration of the product, one row each; served at `/api/v1/limits`. */
export const LIMITS = {
  "body.bytes": { value: 1_048_576, unit: "bytes", meaning: "body of one API request" },
  "body.depth": { value: 32, unit: "count", meaning: "nesting of a JSON body" },
  "body.keys": { value: 10_000, unit: "count", meaning: "object keys in a JSON body" },
  "body.anonymousBytes": { value: 16_384, unit: "bytes", meaning: "body of a request before it is authenticated" },
  "page.size": { value: 200, unit: "count", meaning: "items in one page of a list" },
  "idempotency.keyLength": { value: 255, unit: "characters", meaning: "an Idempotency-Key" },
  "idempotency.ttlMs": { value: 86_400_000, unit: "ms", meaning: "how long an idempotent answer is kept" },
  "plan.steps": { value: 200, unit: "count", meaning: "steps in one plan" },
  "plan.goalLength": { value: 4_000, unit: "characters", meaning: "the goal of a plan" },
  "step.nameLength": { value: 100, unit: "characters", meaning: "the name of a step" },
  "step.inputsBytes": { value: 65_536, unit: "bytes", meaning: "inputs of one step as JSON" },
  "step.needs": { value: 50, unit: "count", meaning: "steps that one step needs" },
  "step.attempts": { value: 10, unit: "count", meaning: "attempts that a step may ask for" },
  "step.lostAttempts": { value: 5, unit: "count", meaning: "attempts lost to infrastructure before a step fails" },
  "step.timeoutMs": { value: 3_600_000, unit: "ms", meaning: "default time limit of one attempt" },
  "step.timeoutMaxMs": { value: 86_400_000, unit: "ms", meaning: "longest time limit that a step may ask for" },
  "step.outputBytes": { value: 67_108_864, unit: "bytes", meaning: "output kept of one attempt; the rest is a gap" },
  "prompt.length": { value: 100_000, unit: "characters", meaning: "a prompt or instructions" },
  "command.length": { value: 32_768, unit: "characters", meaning: "a shell command, or one argument" },
  "command.arguments": { value: 1_000, unit: "count", meaning: "arguments of a command" },
  "env.entries": { value: 200, unit: "count", meaning: "environment entries of a step or project" },
  "env.valueLength": { value: 32_768, unit: "characters", meaning: "one environment value" },
  "gate.expiresMs": { value: 604_800_000, unit: "ms", meaning: "default life of a pending gate; expiry means no" },
  "gate.noteLength": { value: 4_000, unit: "characters", meaning: "the note of a decision" },
  "runs.active": { value: 10_000, unit: "count", meaning: "unfinished runs in one org" },
  "runners.perOrg": { value: 1_000, unit: "count", meaning: "runners of one org on a server" },
  "runner.slots": { value: 5, unit: "count", meaning: "default attempts at once on a runner" },
  "runner.slotsMax": { value: 1_000, unit: "count", meaning: "attempts at once that a runner may offer" },
  "runner.heartbeatMs": { value: 10_000, unit: "ms", meaning: "between two heartbeats of a runner" },
  "runner.offlineMs": { value: 30_000, unit: "ms", meaning: "silence after which a runner is offline" },
  "runner.helloMs": { value: 5_000, unit: "ms", meaning: "for the first frame of a runner's connection" },
  "lease.ttlMs": { value: 30_000, unit: "ms", meaning: "life of a lease between renewals" },
  "lease.renewMs": { value: 10_000, unit: "ms", meaning: "between two renewals" },
  "lease.graceMs": { value: 5_000, unit: "ms", meaning: "after expiry, before another attempt may start" },
  "offer.ttlMs": { value: 5_000, unit: "ms", meaning: "for a runner to answer an offer" },
  "cancel.graceMs": { value: 10_000, unit: "ms", meaning: "between the polite signal and the kill" },
  "probe.everyMs": { value: 60_000, unit: "ms", meaning: "between two probes of an idle runner" },
  "output.frameBytes": { value: 262_144, unit: "bytes", meaning: "one output frame from a runner" },
  "output.windowBytes": {
    value: 4_194_304,
    unit: "bytes",
    meaning: "output of an attempt sent and not yet acknowledged",
  },
  "link.messageBytes": { value: 1_048_576, unit: "bytes", meaning: "one control message of a runner" },
  "spool.bytes": {
    value: 1_073_741_824,
    unit: "bytes",
    meaning: "what one attempt may have waiting on its runner's disk",
  },
  "blob.bytes": { value: 268_435_456, unit: "bytes", meaning: "one artifact or workspace file" },
  "workspace.files": { value: 10_000, unit: "count", meaning: "changed workspace files kept of a run" },
  "workspace.pathLength": { value: 1_024, unit: "characters", meaning: "a workspace path" },
  "workspace.depth": {
    value: 32,
    unit: "count",
    meaning: "parts of a workspace path, the name of the file among them",
  },
  "reader.pendingBytes": {
    value: 262_144,
    unit: "bytes",
    meaning: "bytes waiting on a reader's socket before the server holds back",
  },
  "reader.stallMs": { value: 30_000, unit: "ms", meaning: "without progress before a reader is closed as slow" },
  "reader.keepAliveMs": { value: 15_000, unit: "ms", meaning: "between two comments on a quiet event stream" },
  "reader.perPrincipal": { value: 32, unit: "count", meaning: "event streams open at once for one token" },
  "reader.batchEvents": { value: 500, unit: "count", meaning: "events in one frame or page of a stream" },
  "http.connections": { value: 2_000, unit: "count", meaning: "open connections of a server" },
  "http.headersMs": { value: 10_000, unit: "ms", meaning: "for the headers of a request" },
  "http.anonymousPerSecond": {
    value: 50,
    unit: "per second",
    meaning: "requests from one address that come without a valid credential",
  },
  "http.requestMs": { value: 30_000, unit: "ms", meaning: "for a whole request to arrive" },
  "enrolment.ttlMs": { value: 3_600_000, unit: "ms", meaning: "longest life of an enrolment token" },
  "ticket.ttlMs": { value: 60_000, unit: "ms", meaning: "life of a single-use stream ticket" },
  "token.nameLength": { value: 100, unit: "characters", meaning: "the name of an API token" },
  "token.lifeMs": {
    value: 315_360_000_000,
    unit: "ms",
    meaning: "longest life that an API token may ask for; without one it has no end",
  },
  "plugins.perOrg": { value: 200, unit: "count", meaning: "plugins of one org on a server" },
  "plugin.manifestBytes": { value: 65_536, unit: "bytes", meaning: "the manifest of a plugin as JSON" },
  "plugin.logLines": { value: 200, unit: "count", meaning: "lines kept of what a plugin's process wrote last" },
  "plugin.textLength": {
    value: 4_000,
    unit: "characters",
    meaning: "the words of a request that is routed to a plugin",
  },
  "plugin.paths": { value: 200, unit: "count", meaning: "paths that a request names for its routing" },
  "plugin.answerMs": { value: 30_000, unit: "ms", meaning: "default time for plugins to answer a request" },
  "plugin.answerMaxMs": {
    value: 300_000,
    unit: "ms",
    meaning: "longest time for an answer that a request may ask for",
  },
  "plugin.helloMs": { value: 5_000, unit: "ms", meaning: "for a plugin's connection to be recognised" },
  "revocation.ms": { value: 5_000, unit: "ms", meaning: "until a revoked credential is refused everywhere" },
  "disk.minFreeBytes": { value: 536_870_912, unit: "bytes", meaning: "free space below which `doctor` warns" },
  "disk.reserveBytes": {
    value: 67_108_864,
    unit: "bytes",
    meaning: "reserve given up so that final states can be recorded",
  },
  "shutdown.ms": { value: 30_000, unit: "ms", meaning: "for a server or runner to stop in good order" },
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof LIMITS;

/** The value of a limit. */
export function limit<Name extends LimitName>(name: Name): number {
  return LIMITS[name].value;
}
