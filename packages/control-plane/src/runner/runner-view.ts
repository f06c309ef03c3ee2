import { CapabilitiesSchema, limit, toTimestamp, type Runner, type RunnerState } from "@signalbox/protocol";
import type { RunnerRow } from "@signalbox/store";

/** A stored runner as callers see it. */
export function toRunner(
  row: RunnerRow,
  live: { readonly connected: boolean; readonly activeAttempts: number },
): Runner {
  const capabilities = CapabilitiesSchema.parse(JSON.parse(row.capabilities));
  return {
    id: row.id,
    orgId: row.org_id,
    hostname: row.hostname,
    // Written by the runner units, from states of the table.
    status: row.state as RunnerState,
    connected: live.connected,
    capabilities: {
      ...capabilities,
      maxConcurrentSessions: capabilities.maxConcurrentSessions ?? limit("runner.slots"),
    },
    labels: JSON.parse(row.labels) as Record<string, string>,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    runtimeVersions: JSON.parse(row.runtime_versions) as Record<string, string>,
    ...(row.load === null ? {} : { load: JSON.parse(row.load) as Runner["load"] & object }),
    activeAttempts: live.activeAttempts,
    ...(row.last_heartbeat_at === null ? {} : { lastHeartbeatAt: toTimestamp(row.last_heartbeat_at) }),
    registeredAt: toTimestamp(row.registered_at),
    ...(row.retired_at === null ? {} : { retiredAt: toTimestamp(row.retired_at) }),
  };
}
