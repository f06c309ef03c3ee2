import { DELIVERY_TRANSITIONS, nextState, WEBHOOK_TEST_EVENT, type Redelivered } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { DeliveryRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { releaseAll, releaseNext } from "./lane.ts";
import { insertDelivery } from "./plan-deliveries.ts";
import { loadWebhook } from "./webhook-change.ts";

interface WebhookArgs {
  readonly webhookId: string;
  readonly orgId: string;
  readonly now: number;
  readonly idempotency?: Idempotency | undefined;
}

interface DeliveryArgs extends WebhookArgs {
  readonly deliveryId: string;
}

export interface RedeliverFailedArgs extends WebhookArgs {
  /** Deliveries that were planned from then on. */
  readonly since: number;
  /** How many at once, the oldest first. */
  readonly count: number;
}

const SELECT_DELIVERY = "SELECT * FROM webhook_deliveries WHERE id = ?";
const RESTART =
  "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, since = ?, ended_at = NULL, due_at = NULL WHERE id = ?";
// A test that failed was about nothing; it is made anew.
const RESTART_FAILED = `UPDATE webhook_deliveries SET state = 'pending', attempts = 0, since = ?, ended_at = NULL, due_at = NULL
  WHERE id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = (SELECT ?) AND state = 'failed' AND created_at >= ? AND stream IS NOT NULL ORDER BY n LIMIT ?)`;
const ANY_FAILED = `SELECT 1 FROM webhook_deliveries WHERE webhook_id = (SELECT ?) AND state = 'failed' AND created_at >= ? AND stream IS NOT NULL LIMIT 1`;

/** Plans a delivery that is about nothing, for somebody who wants to see one arrive. */
export function testWebhook(
  args: DeliveryArgs,
): Generator<Statement, Answer<{ readonly deliveryId: string }>, unknown> {
  return once(args, addTest);
}

function* addTest(args: DeliveryArgs): Generator<Statement, { deliveryId: string }, unknown> {
  const { deliveryId, orgId, webhookId, now } = args;
  yield* requireActive(args);
  yield* insertDelivery({
    id: deliveryId,
    orgId,
    webhookId,
    // Nothing stands before it, whatever waits.
    lane: deliveryId,
    runId: null,
    stream: null,
    seq: null,
    type: WEBHOOK_TEST_EVENT,
    now,
  });
  return { deliveryId };
}

/** Sends what was delivered or given up once more, under the same id. */
export function redeliver(args: DeliveryArgs): Generator<Statement, Answer<{ readonly deliveryId: string }>, unknown> {
  return once(args, restart);
}

function* restart(args: DeliveryArgs): Generator<Statement, { deliveryId: string }, unknown> {
  const { deliveryId, webhookId, now } = args;
  yield* requireActive(args);
  const row = yield* get<DeliveryRow>(SELECT_DELIVERY, deliveryId);
  if (row?.webhook_id !== webhookId)
    throw new UnitRefusal("DELIVERY_NOT_FOUND", `webhook ${webhookId} has no delivery ${deliveryId}`, { deliveryId });
  if (!nextState(DELIVERY_TRANSITIONS, row.state, "redeliver"))
    throw new UnitRefusal("INVALID_STATE", `delivery ${deliveryId} is ${row.state}; it is on its way already`, {
      state: row.state,
    });
  yield* run(RESTART, now, deliveryId);
  yield* releaseNext(row, now);
  return { deliveryId };
}

/** Sends what was given up once more, under the ids that it had, the oldest of each lane first. */
export function redeliverFailed(args: RedeliverFailedArgs): Generator<Statement, Answer<Redelivered>, unknown> {
  return once(args, restartFailed);
}

function* restartFailed(args: RedeliverFailedArgs): Generator<Statement, Redelivered, unknown> {
  const { webhookId, since, count, now } = args;
  yield* requireActive(args);
  const { changes } = yield* run(RESTART_FAILED, now, webhookId, since, count);
  yield* releaseAll(webhookId, now);
  return { redelivered: changes, remaining: (yield* get(ANY_FAILED, webhookId, since)) !== undefined };
}

function* requireActive({ webhookId, orgId }: WebhookArgs): Generator<Statement, void, unknown> {
  const { state } = yield* loadWebhook(webhookId, orgId);
  if (state !== "active")
    throw new UnitRefusal("INVALID_STATE", `webhook ${webhookId} is ${state}; switch it on first`, { state });
}
