import type { DeliveryRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";

const SELECT_STATE = "SELECT state FROM webhooks WHERE id = ?";
const RELEASE_NEXT = `UPDATE webhook_deliveries SET due_at = ? WHERE webhook_id = ? AND lane = ? AND state = 'pending' AND due_at IS NULL
  AND n = (SELECT MIN(first.n) FROM webhook_deliveries AS first WHERE first.webhook_id = ? AND first.lane = ? AND first.state = 'pending')`;

const RELEASE_ALL = `UPDATE webhook_deliveries SET due_at = ? WHERE webhook_id = ? AND state = 'pending' AND due_at IS NULL
  AND n = (SELECT MIN(first.n) FROM webhook_deliveries AS first WHERE first.webhook_id = webhook_deliveries.webhook_id
    AND first.lane = webhook_deliveries.lane AND first.state = 'pending')`;

/** Whether anything is posted for a webhook now. */
export function* isActive(webhookId: string): Generator<Statement, boolean, unknown> {
  return (yield* get<{ state: string }>(SELECT_STATE, webhookId))?.state === "active";
}

/** Lets the first that waits in a lane be tried, when the one before it is over. */
export function* releaseNext(
  { webhook_id, lane }: Pick<DeliveryRow, "webhook_id" | "lane">,
  now: number,
): Generator<Statement, void, unknown> {
  yield* run(RELEASE_NEXT, now, webhook_id, lane, webhook_id, lane);
}

/** Lets the first that waits in each lane of a webhook be tried. */
export function* releaseAll(webhookId: string, now: number): Generator<Statement, void, unknown> {
  yield* run(RELEASE_ALL, now, webhookId);
}
