import type { EventRecord, Plugin, PluginDetails, Run, RunDetails } from "@signalbox/protocol";

const AT = "2026-11-21T08:00:00.000Z";

export function run(fields: Partial<Run> = {}): Run {
  return {
    id: "run_1",
    orgId: "default",
    projectId: "default",
    goal: "say hello",
    source: "plan",
    status: "running",
    progress: 0,
    lastSeq: 1,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
}

export function details(fields: Partial<Run> = {}): RunDetails {
  return { run: run(fields), steps: [], gates: [], artifacts: [], summary: null };
}

export function event(seq: number, fields: Partial<EventRecord> = {}): EventRecord {
  return {
    stream: "run/run_1",
    seq,
    type: "step.progress",
    schemaVersion: 1,
    at: AT,
    actor: { kind: "system", id: "system" },
    data: { name: "hello", message: `event ${seq} äöü 漢字` },
    ...fields,
  };
}

/** `count` events of a run, the last of which ends it. */
export function events(count: number): EventRecord[] {
  return Array.from({ length: count }, (_, index) =>
    event(index + 1, index + 1 === count ? { type: "run.succeeded" } : {}),
  );
}

export function plugin(fields: Partial<Plugin> = {}): Plugin {
  return {
    id: "plg_1",
    orgId: "default",
    name: "crier",
    version: "1.0.0",
    state: "pending",
    origin: "folder",
    manifestHash: "a".repeat(64),
    connected: false,
    breaker: "closed",
    registeredAt: AT,
    updatedAt: AT,
    ...fields,
  };
}

export function pluginDetails(fields: Partial<PluginDetails> = {}): PluginDetails {
  const manifest = { name: "crier", version: "1.0.0" };
  const access = { publish: ["news/**"], subscribe: ["system/broadcast"], request: [], call: [], serve: true };
  return { ...plugin(), manifest, access, log: [{ at: AT, stream: "stdout", text: "ready" }], ...fields };
}
