import {
  nextState,
  PLUGIN_TRANSITIONS,
  type MoveOf,
  type PluginEventData,
  type PluginEventType,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { PluginRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { appendEvents, type EventOrigin } from "../events.ts";

const SELECT_PLUGIN = "SELECT * FROM plugins WHERE org_id = ? AND name = ?";
const UPDATE_PLUGIN = `UPDATE plugins SET state = ?, origin = ?, version = ?, manifest = ?, manifest_hash = ?, approved_at = ?,
  approved_by = ?, updated_at = ?, last_seq = ? WHERE id = ?`;

/** A plugin of an org, if it is known there. */
export function* findPlugin(orgId: string, name: string): Generator<Statement, PluginRow | undefined, unknown> {
  return yield* get<PluginRow>(SELECT_PLUGIN, orgId, name);
}

/** Loads a plugin of an org; one of another org is as absent as one that never was. */
export function* loadPlugin(orgId: string, name: string): Generator<Statement, PluginRow, unknown> {
  const row = yield* findPlugin(orgId, name);
  if (!row) throw new UnitRefusal("PLUGIN_NOT_FOUND", `there is no plugin ${name}`, { id: name });
  return row;
}

/** Moves a plugin along its table, or refuses. */
export function movePlugin(row: PluginRow, move: MoveOf<typeof PLUGIN_TRANSITIONS>): void {
  const to = nextState(PLUGIN_TRANSITIONS, row.state, move);
  if (!to)
    throw new UnitRefusal("INVALID_STATE", `plugin ${row.name} is ${row.state}; that leaves no way to ${move} it`, {
      state: row.state,
      move,
    });
  row.state = to;
}

/** Appends one event to a plugin's stream. */
export function* recordPlugin<Type extends PluginEventType>(
  row: PluginRow,
  type: Type,
  data: PluginEventData<Type>,
  origin: Omit<EventOrigin, "orgId">,
): Generator<Statement, void, unknown> {
  row.last_seq = yield* appendEvents(row.id, row.last_seq, [{ type, data }], { ...origin, orgId: row.org_id });
}

/** Writes a plugin back. */
export function* savePlugin(row: PluginRow): Generator<Statement, void, unknown> {
  yield* run(
    UPDATE_PLUGIN,
    row.state,
    row.origin,
    row.version,
    row.manifest,
    row.manifest_hash,
    row.approved_at,
    row.approved_by,
    row.updated_at,
    row.last_seq,
    row.id,
  );
}
