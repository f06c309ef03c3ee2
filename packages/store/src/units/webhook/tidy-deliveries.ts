import type { DeliveryRow } from "../../rows.ts";
import { all, run, type Statement } from "../../unit.ts";
import { endDelivery } from "./record-try.ts";

export interface TidyDeliveriesArgs {
  /** What waits since before this is given up. */
  readonly giveUpBefore: number;
  /** What was over by then is forgotten. */
  readonly forgetBefore: number;
  /** How many rows of each kind at once. */
  readonly count: number;
  readonly now: number;
}

const SELECT_OLD =
  "SELECT * FROM webhook_deliveries WHERE state = 'pending' AND since <= (SELECT ?) ORDER BY since, n LIMIT ?";
const FORGET_ENDED = `DELETE FROM webhook_deliveries WHERE id IN
  (SELECT id FROM webhook_deliveries WHERE ended_at <= (SELECT ?) ORDER BY ended_at LIMIT ?)`;
const FORGET_DELETED = `DELETE FROM webhook_deliveries WHERE id IN
  (SELECT delivery.id FROM webhooks AS gone JOIN webhook_deliveries AS delivery ON delivery.webhook_id = gone.id
    WHERE gone.state = 'deleted' LIMIT ?)`;

const FORGET_SECRETS =
  "UPDATE webhooks SET previous_secret = NULL, previous_version = NULL, previous_until = NULL WHERE previous_until <= ?";

/** How many rows were touched, and how many of them were given up. */
export interface TidiedDeliveries {
  readonly touched: number;
  readonly givenUp: number;
}

/** Gives up what is too old to be of use, forgets what is long over, and the secrets that no longer sign. */
export function* tidyDeliveries(args: TidyDeliveriesArgs): Generator<Statement, TidiedDeliveries, unknown> {
  const { giveUpBefore, forgetBefore, count, now } = args;
  const old = yield* all<DeliveryRow>(SELECT_OLD, giveUpBefore, count);
  // Latest first: the next of a lane is let go only when it is none of these.
  for (const row of old.toReversed())
    yield* endDelivery(row, { state: "failed", status: row.last_status, error: "expired", now });
  const ended = yield* run(FORGET_ENDED, forgetBefore, count);
  const deleted = yield* run(FORGET_DELETED, count);
  yield* run(FORGET_SECRETS, now);
  return { touched: old.length + ended.changes + deleted.changes, givenUp: old.length };
}
