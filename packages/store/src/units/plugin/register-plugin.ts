import type { Actor, PluginOrigin } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { PluginRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { findPlugin, movePlugin, recordPlugin, savePlugin } from "./plugin-change.ts";

export interface RegisterPluginArgs {
  /** What it is called in the store, if it is new. */
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly version: string;
  readonly origin: PluginOrigin;
  readonly manifest: string;
  readonly manifestHash: string;
  readonly maxPlugins: number;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

/** What a registration came to: a plugin that was not known, one that is another now, or one that is what it was. */
export interface RegisteredPlugin {
  readonly row: PluginRow;
  readonly change: "registered" | "changed" | "none";
}

const COUNT_PLUGINS = "SELECT COUNT(*) AS count FROM plugins WHERE org_id = ?";
const INSERT_PLUGIN = `INSERT INTO plugins (id, org_id, name, state, origin, version, manifest, manifest_hash, registered_at,
  updated_at, last_seq) VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, 0)`;

/**
 * Makes a plugin known, or notes with which manifest it comes now. A manifest that is not the one before takes the
 * approval away; so does another place to run, since who may connect from elsewhere was not let in to run here.
 */
export function registerPlugin(args: RegisterPluginArgs): Generator<Statement, Answer<RegisteredPlugin>, unknown> {
  return once(args, keepPlugin);
}

function* keepPlugin(args: RegisterPluginArgs): Generator<Statement, RegisteredPlugin, unknown> {
  const known = yield* findPlugin(args.orgId, args.name);
  if (!known) return { row: yield* addPlugin(args), change: "registered" };
  if (known.manifest_hash === args.manifestHash && known.origin === args.origin) return { row: known, change: "none" };

  movePlugin(known, "change");
  const { version, origin, manifestHash } = args;
  const row: PluginRow = {
    ...known,
    version,
    origin,
    manifest: args.manifest,
    manifest_hash: manifestHash,
    approved_at: null,
    approved_by: null,
    updated_at: args.now,
  };
  yield* recordPlugin(row, "plugin.changed", { version, manifestHash, origin }, args);
  yield* savePlugin(row);
  return { row, change: "changed" };
}

function* addPlugin(args: RegisterPluginArgs): Generator<Statement, PluginRow, unknown> {
  const { id, orgId, name, version, origin, manifest, manifestHash, now } = args;
  const { count } = (yield* get<{ count: number }>(COUNT_PLUGINS, orgId)) ?? { count: 0 };
  if (count >= args.maxPlugins) {
    throw new UnitRefusal(
      "PLUGIN_LIMIT_EXCEEDED",
      `org ${orgId} has ${count} plugins; ${args.maxPlugins} are allowed`,
      {
        limit: args.maxPlugins,
      },
    );
  }
  yield* run(INSERT_PLUGIN, id, orgId, name, origin, version, manifest, manifestHash, now, now);
  const row: PluginRow = {
    id,
    org_id: orgId,
    name,
    state: "pending",
    origin,
    version,
    manifest,
    manifest_hash: manifestHash,
    approved_at: null,
    approved_by: null,
    registered_at: now,
    updated_at: now,
    last_seq: 0,
  };
  yield* recordPlugin(row, "plugin.registered", { name, version, manifestHash, origin }, args);
  yield* savePlugin(row);
  return row;
}
