import { DELIVERY_TRANSITIONS, nextState, WEBHOOK_TEST_EVENT } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { DeliveryRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { releaseNext } from "./lane.ts";
import { insertDelivery } from "./plan-deliveries.ts";
import { loadWebhook } from "./webhook-change.ts";

interface DeliveryArgs {
  readonly webhookId: string;
  readonly deliveryId: string;
  readonly orgId: string;
  readonly now: number;
  readonly idempotency?: Idempotency | undefined;
}

const SELECT_DELIVERY = "SELECT * FROM webhook_deliveries WHERE id = ?";
const RESTART =
  "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, since = ?, ended_at = NULL, due_at = NULL WHERE id = ?";

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

function* requireActive({ webhookId, orgId }: DeliveryArgs): Generator<Statement, void, unknown> {
  const { state } = yield* loadWebhook(webhookId, orgId);
  if (state !== "active")
    throw new UnitRefusal("INVALID_STATE", `webhook ${webhookId} is ${state}; switch it on first`, { state });
}
