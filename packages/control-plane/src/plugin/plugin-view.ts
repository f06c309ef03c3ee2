import type { PluginAccess as BusAccess } from "@signalbox/messagebus";
import {
  parseActor,
  toTimestamp,
  type Plugin,
  type PluginAccess,
  type PluginManifestDocument,
} from "@signalbox/protocol";
import type { PluginRow } from "@signalbox/store";

/** What is known of a plugin only while this server lives. */
export interface LivePlugin {
  readonly connectedAt: number | undefined;
  readonly breaker: Plugin["breaker"];
  readonly process: Plugin["process"];
  readonly lastFailure: Plugin["lastFailure"];
}

/** What a manifest permits, with everything spelled out; nothing where it has no business on the bus. */
export function toAccess(access: BusAccess | undefined): PluginAccess {
  const { publish = [], subscribe = [], request = [], call = [], serve = false } = access ?? {};
  return { publish, subscribe, request, call, serve };
}

/** What a plugin came with: what is stored of it, and what its hash was taken over. */
export interface PluginDocuments {
  readonly manifest: PluginManifestDocument;
  readonly routingConfig?: PluginManifestDocument;
}

/** A stored plugin as callers see it. */
export function toPlugin(row: PluginRow, live: LivePlugin): Plugin {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    version: row.version,
    state: row.state,
    origin: row.origin,
    manifestHash: row.manifest_hash,
    ...(row.approved_at === null ? {} : { approvedAt: toTimestamp(row.approved_at) }),
    ...(row.approved_by === null ? {} : { approvedBy: parseActor(row.approved_by) }),
    connected: live.connectedAt !== undefined,
    ...(live.connectedAt === undefined ? {} : { connectedAt: toTimestamp(live.connectedAt) }),
    breaker: live.breaker,
    ...(live.process === undefined ? {} : { process: live.process }),
    ...(live.lastFailure === undefined ? {} : { lastFailure: live.lastFailure }),
    registeredAt: toTimestamp(row.registered_at),
    updatedAt: toTimestamp(row.updated_at),
  };
}

/** The documents of a stored plugin; they were written by `spellDocuments`. */
export function documentsOf(row: PluginRow): PluginDocuments {
  return JSON.parse(row.manifest) as PluginDocuments;
}

/** Documents as they are stored. */
export function spellDocuments({ manifest, routingConfig }: PluginDocuments): string {
  return JSON.stringify(routingConfig === undefined ? { manifest } : { manifest, routingConfig });
}
