import { WEBHOOK_EVENT_TYPES } from "@signalbox/protocol";

import { deliveryIdOf, runIdOfStream } from "../../derived-ids.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import type { EventOrigin, PendingEvent } from "../events.ts";

const ANY_FILTER = "SELECT 1 FROM webhook_filters WHERE org_id = ? LIMIT 1";
const SELECT_WANTED = "SELECT DISTINCT webhook_id FROM webhook_filters WHERE org_id = ? AND filter IN (?, ?, '*')";
const INSERT_DELIVERY = `INSERT INTO webhook_deliveries (id, org_id, webhook_id, n, lane, run_id, stream, seq, event_type, state,
  attempts, due_at, since, created_at) VALUES (?, ?, ?,
  (SELECT COALESCE(MAX(n), 0) + 1 FROM webhook_deliveries WHERE webhook_id = ?), ?, ?, ?, ?, ?, 'pending', 0,
  CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_id = ? AND lane = ? AND state = 'pending') THEN NULL ELSE ? END,
  ?, ?)`;

/**
 * Plans a delivery of each event to each webhook that asks for it, in the commit that appends the events: what is stored
 * will be told, and what is not stored will not. An org without webhooks pays one look at an index.
 */
export function* planDeliveries(
  stream: string,
  lastSeq: number,
  events: readonly PendingEvent[],
  origin: EventOrigin,
): Generator<Statement, void, unknown> {
  if (!events.some(({ type }) => WEBHOOK_EVENT_TYPES.has(type))) return;
  if (!(yield* get(ANY_FILTER, origin.orgId))) return;
  for (const [index, { type }] of events.entries()) {
    if (!WEBHOOK_EVENT_TYPES.has(type)) continue;
    const family = `${type.slice(0, type.indexOf("."))}.*`;
    for (const { webhook_id } of yield* all<{ webhook_id: string }>(SELECT_WANTED, origin.orgId, type, family))
      yield* planDelivery({ webhookId: webhook_id, stream, seq: lastSeq + index + 1, type }, origin);
  }
}

function* planDelivery(
  what: { readonly webhookId: string; readonly stream: string; readonly seq: number; readonly type: string },
  { orgId, now }: EventOrigin,
): Generator<Statement, void, unknown> {
  const { webhookId, stream, seq, type } = what;
  const runId = runIdOfStream(stream);
  yield* insertDelivery({
    id: deliveryIdOf(webhookId, stream, seq),
    orgId,
    webhookId,
    lane: runId ?? stream,
    runId,
    stream,
    seq,
    type,
    now,
  });
}

/** Puts a delivery at the end of its lane. */
export function* insertDelivery(delivery: {
  readonly id: string;
  readonly orgId: string;
  readonly webhookId: string;
  readonly lane: string;
  readonly runId: string | null;
  readonly stream: string | null;
  readonly seq: number | null;
  readonly type: string;
  readonly now: number;
}): Generator<Statement, void, unknown> {
  const { id, orgId, webhookId, lane, runId, stream, seq, type, now } = delivery;
  yield* run(
    INSERT_DELIVERY,
    id,
    orgId,
    webhookId,
    webhookId,
    lane,
    runId,
    stream,
    seq,
    type,
    webhookId,
    lane,
    now,
    now,
    now,
  );
}
