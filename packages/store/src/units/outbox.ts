import { all, run, type Statement } from "../unit.ts";

/** One event that has yet to reach a subscription. Its key is its idempotency key outside. */
export interface OutboxItem {
  readonly subscription: string;
  readonly stream: string;
  readonly seq: number;
  readonly org_id: string;
  readonly type: string;
  readonly tries: number;
}

const SUBSCRIBE = `INSERT INTO outbox_subscriptions (name, org_id, types) VALUES (?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET org_id = excluded.org_id, types = excluded.types`;
const SELECT_DUE =
  "SELECT subscription, stream, seq, org_id, type, tries FROM outbox WHERE due_at <= ? ORDER BY due_at, stream, seq LIMIT ?";
const HOLD = "UPDATE outbox SET due_at = ?, tries = tries + 1 WHERE subscription = ? AND stream = ? AND seq = ?";
const REMOVE = "DELETE FROM outbox WHERE subscription = ? AND stream = ? AND seq = ?";

/** From now on, events of these types fill the outbox for this subscription, in the commit that appends them. */
export function* subscribeOutbox(args: {
  name: string;
  orgId: string | null;
  types: readonly string[];
}): Generator<Statement, void, unknown> {
  yield* run(SUBSCRIBE, args.name, args.orgId, JSON.stringify(args.types));
}

/** Takes what is due and holds it until `holdUntil`; what is not settled by then is due again. */
export function* claimOutbox(args: {
  now: number;
  holdUntil: number;
  count: number;
}): Generator<Statement, OutboxItem[], unknown> {
  const items = yield* all<OutboxItem>(SELECT_DUE, args.now, args.count);
  for (const item of items) yield* run(HOLD, args.holdUntil, item.subscription, item.stream, item.seq);
  return items;
}

/** Removes what was delivered. */
export function* settleOutbox(args: {
  items: readonly Pick<OutboxItem, "subscription" | "stream" | "seq">[];
}): Generator<Statement, void, unknown> {
  for (const item of args.items) yield* run(REMOVE, item.subscription, item.stream, item.seq);
}
