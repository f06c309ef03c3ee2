import type { DeliveryRow, EventRow, WebhookRow } from "../../rows.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import { endDelivery } from "./record-try.ts";

/** A delivery that is to be tried now, with all that the try needs. */
export interface ClaimedDelivery {
  /** Its `attempts` counts this try, and is what the try must be recorded under. */
  readonly row: DeliveryRow;
  readonly webhook: WebhookRow;
  /** What happened; undefined for a test. */
  readonly event: Pick<EventRow, "at" | "data"> | undefined;
}

export interface ClaimDeliveriesArgs {
  /** How many of which webhook. */
  readonly wanted: readonly { readonly webhookId: string; readonly count: number }[];
  readonly now: number;
  /** A try that was not recorded by then is lost, and made again. */
  readonly leaseUntil: number;
}

const SELECT_WEBHOOK = "SELECT * FROM webhooks WHERE id = ? AND state = 'active'";
const SELECT_DUE =
  "SELECT * FROM webhook_deliveries WHERE webhook_id = (SELECT ?) AND due_at <= (SELECT ?) ORDER BY due_at, n LIMIT ?";
const SELECT_EVENT = "SELECT at, data FROM events WHERE stream = ? AND seq = ?";
const LEASE = "UPDATE webhook_deliveries SET due_at = ?, attempts = attempts + 1, last_attempt_at = ? WHERE id = ?";

/** What came of a look for deliveries that are due. */
export interface Claims {
  readonly claimed: readonly ClaimedDelivery[];
  /** How many are over since their event is no longer kept. */
  readonly expired: number;
}

/** Takes what is due. An event that is no longer kept cannot be told: its delivery is over. */
export function* claimDeliveries({
  wanted,
  now,
  leaseUntil,
}: ClaimDeliveriesArgs): Generator<Statement, Claims, unknown> {
  const claimed: ClaimedDelivery[] = [];
  let expired = 0;
  for (const { webhookId, count } of wanted) {
    const webhook = yield* get<WebhookRow>(SELECT_WEBHOOK, webhookId);
    if (!webhook) continue;
    for (const row of yield* all<DeliveryRow>(SELECT_DUE, webhookId, now, count)) {
      const event =
        row.stream === null ? undefined : yield* get<Pick<EventRow, "at" | "data">>(SELECT_EVENT, row.stream, row.seq);
      if (row.stream !== null && !event) {
        yield* endDelivery(row, { state: "failed", status: null, error: "expired", now });
        expired += 1;
        continue;
      }
      yield* run(LEASE, leaseUntil, now, row.id);
      claimed.push({ row: { ...row, attempts: row.attempts + 1, last_attempt_at: now }, webhook, event });
    }
  }
  return { claimed, expired };
}
