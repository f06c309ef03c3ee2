import {
  nextState,
  WEBHOOK_TRANSITIONS,
  type MoveOf,
  type WebhookEventData,
  type WebhookEventType,
} from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { WebhookRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { appendEvents, type EventOrigin } from "../events.ts";
import { releaseAll } from "./lane.ts";

const SELECT_WEBHOOK = "SELECT * FROM webhooks WHERE id = ?";
const UPDATE_WEBHOOK = `UPDATE webhooks SET url = ?, events = ?, state = ?, disabled_reason = ?, secret = ?, secret_version = ?,
  previous_secret = ?, previous_version = ?, previous_until = ?, updated_at = ?, last_seq = ? WHERE id = ?`;
const DELETE_FILTERS = "DELETE FROM webhook_filters WHERE org_id = ? AND webhook_id = ?";
const INSERT_FILTER =
  "INSERT INTO webhook_filters (org_id, filter, webhook_id) VALUES (?, ?, ?) ON CONFLICT (org_id, filter, webhook_id) DO NOTHING";
const HOLD_ALL = "UPDATE webhook_deliveries SET due_at = NULL WHERE webhook_id = ? AND due_at IS NOT NULL";

/** Loads a webhook of an org; one of another org, and one that was deleted, is as absent as one that never was. */
export function* loadWebhook(webhookId: string, orgId: string): Generator<Statement, WebhookRow, unknown> {
  const row = yield* get<WebhookRow>(SELECT_WEBHOOK, webhookId);
  if (!row || row.org_id !== orgId || row.state === "deleted")
    throw new UnitRefusal("WEBHOOK_NOT_FOUND", `there is no webhook ${webhookId}`, { webhookId });
  return row;
}

/** Moves a webhook along its table, or refuses. What waits for it stands still while it is not active. */
export function* moveWebhook(
  row: WebhookRow,
  move: MoveOf<typeof WEBHOOK_TRANSITIONS>,
  now: number,
): Generator<Statement, void, unknown> {
  const to = nextState(WEBHOOK_TRANSITIONS, row.state, move);
  if (!to)
    throw new UnitRefusal("INVALID_STATE", `webhook ${row.id} is ${row.state}; that leaves no way to ${move} it`, {
      state: row.state,
      move,
    });
  row.state = to;
  yield* setFilters(row);
  if (to === "active") yield* releaseAll(row.id, now);
  else yield* run(HOLD_ALL, row.id);
}

/** Lets the commits that append events know what a webhook wants, or that it wants nothing. */
export function* setFilters({
  id,
  org_id,
  events,
  state,
}: Pick<WebhookRow, "id" | "org_id" | "events" | "state">): Generator<Statement, void, unknown> {
  yield* run(DELETE_FILTERS, org_id, id);
  if (state !== "active") return;
  for (const filter of JSON.parse(events) as string[]) yield* run(INSERT_FILTER, org_id, filter, id);
}

/** Appends one event to a webhook's stream. */
export function* recordWebhook<Type extends WebhookEventType>(
  row: WebhookRow,
  type: Type,
  data: WebhookEventData<Type>,
  origin: Omit<EventOrigin, "orgId">,
): Generator<Statement, void, unknown> {
  row.last_seq = yield* appendEvents(row.id, row.last_seq, [{ type, data }], { ...origin, orgId: row.org_id });
}

/** Writes a webhook back. */
export function* saveWebhook(row: WebhookRow, now: number): Generator<Statement, void, unknown> {
  row.updated_at = now;
  yield* run(
    UPDATE_WEBHOOK,
    row.url,
    row.events,
    row.state,
    row.disabled_reason,
    row.secret,
    row.secret_version,
    row.previous_secret,
    row.previous_version,
    row.previous_until,
    row.updated_at,
    row.last_seq,
    row.id,
  );
}
