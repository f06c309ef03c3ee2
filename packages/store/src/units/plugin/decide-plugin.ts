import type { Actor } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { PluginRow, TokenRow } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { loadPlugin, movePlugin, recordPlugin, savePlugin } from "./plugin-change.ts";

interface PluginArgs {
  readonly orgId: string;
  readonly name: string;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

export interface ApprovePluginArgs extends PluginArgs {
  readonly manifestHash: string;
}

/** Lets a plugin run with exactly the manifest that is named. Approving what is approved already is fine. */
export function approvePlugin(args: ApprovePluginArgs): Generator<Statement, Answer<PluginRow>, unknown> {
  return once(args, approve);
}

function* approve(args: ApprovePluginArgs): Generator<Statement, PluginRow, unknown> {
  const { name, manifestHash, now, actor } = args;
  const row = yield* loadPlugin(args.orgId, name);
  if (row.manifest_hash !== manifestHash) {
    throw new UnitRefusal("CONTENT_CHANGED", `plugin ${name} has the manifest ${row.manifest_hash} now`, {
      manifestHash: row.manifest_hash,
    });
  }
  if (row.state === "approved") return row;
  movePlugin(row, "approve");
  row.approved_at = row.updated_at = now;
  row.approved_by = `${actor.kind}:${actor.id}`;
  yield* recordPlugin(row, "plugin.approved", { manifestHash }, args);
  yield* savePlugin(row);
  return row;
}

export interface RevokePluginArgs extends PluginArgs {
  readonly reason?: string | undefined;
}

const REVOKE_TOKENS = "UPDATE tokens SET revoked_at = ? WHERE plugin_id = ? AND revoked_at IS NULL";

/** Takes a plugin's approval and all its tokens away. Revoking it again is fine. */
export function revokePlugin(args: RevokePluginArgs): Generator<Statement, Answer<PluginRow>, unknown> {
  return once(args, revoke);
}

function* revoke(args: RevokePluginArgs): Generator<Statement, PluginRow, unknown> {
  const row = yield* loadPlugin(args.orgId, args.name);
  if (row.state === "revoked") return row;
  movePlugin(row, "revoke");
  row.approved_at = row.approved_by = null;
  row.updated_at = args.now;
  yield* run(REVOKE_TOKENS, args.now, row.id);
  yield* recordPlugin(row, "plugin.revoked", args.reason === undefined ? {} : { reason: args.reason }, args);
  yield* savePlugin(row);
  return row;
}

export interface CreatePluginTokenArgs extends Omit<PluginArgs, "idempotency"> {
  readonly id: string;
  readonly hash: string;
  readonly expiresAt: number | null;
}

const INSERT_PLUGIN_TOKEN =
  "INSERT INTO tokens (id, org_id, name, scopes, hash, created_at, expires_at, plugin_id) VALUES (?, ?, ?, '[]', ?, ?, ?, ?)";

/** Keeps a new token of a plugin by the hash of its secret. It has no scopes: it opens the plugin's connection. */
export function* createPluginToken(args: CreatePluginTokenArgs): Generator<Statement, TokenRow, unknown> {
  const { id, orgId, name, hash, now, expiresAt } = args;
  const plugin = yield* loadPlugin(orgId, name);
  if (plugin.state !== "approved") {
    throw new UnitRefusal("INVALID_STATE", `plugin ${name} is ${plugin.state}; approve it before it gets a token`, {
      state: plugin.state,
    });
  }
  // What runs on the server gets its credential from there; one for elsewhere would let another take its place.
  if (plugin.origin === "folder") {
    throw new UnitRefusal("INVALID_STATE", `plugin ${name} runs on the server, which gives it its credential`, {
      origin: plugin.origin,
    });
  }
  const row: TokenRow = {
    id,
    org_id: orgId,
    name: `plugin ${name}`,
    scopes: "[]",
    hash,
    created_at: now,
    expires_at: expiresAt,
    last_used_at: null,
    revoked_at: null,
    plugin_id: plugin.id,
  };
  yield* run(INSERT_PLUGIN_TOKEN, id, orgId, row.name, hash, now, expiresAt, plugin.id);
  yield* recordPlugin(plugin, "plugin.token_issued", { tokenId: id }, args);
  yield* savePlugin(plugin);
  return row;
}
