import { SYSTEM_ACTOR, type DeliveryError } from "@signalbox/protocol";

import type { DeliveryRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { disableWebhook } from "./change-webhook.ts";
import { isActive, releaseNext } from "./lane.ts";

/** What one try came to, and what is to be done about it. */
export interface RecordTryArgs {
  readonly deliveryId: string;
  /** The number of the try: one that was made again meanwhile is recorded by whoever made it again. */
  readonly attempt: number;
  readonly verdict: TryVerdict;
  readonly now: number;
}
export type TryVerdict =
  | { readonly kind: "accepted"; readonly status: number }
  | { readonly kind: "retry"; readonly status: number | null; readonly error: DeliveryError; readonly dueAt: number }
  | {
      readonly kind: "given_up";
      readonly status: number | null;
      readonly error: DeliveryError;
      /** Why its webhook is switched off as well, where it is. */
      readonly disable?: string;
    };

const SELECT_DELIVERY = "SELECT * FROM webhook_deliveries WHERE id = ?";
const END = `UPDATE webhook_deliveries SET state = ?, due_at = NULL, last_status = ?, last_error = ?, ended_at = ? WHERE id = ?`;
const RETRY = "UPDATE webhook_deliveries SET due_at = ?, last_status = ?, last_error = ? WHERE id = ?";
const POSTPONE = "UPDATE webhook_deliveries SET due_at = ?, attempts = attempts - 1 WHERE id = ?";

/** Records a try. Returns false, and changes nothing, when the delivery is over or the try is no longer the last one. */
export function* recordTry(args: RecordTryArgs): Generator<Statement, boolean, unknown> {
  const { verdict, now } = args;
  const row = yield* heldBy(args);
  if (!row) return false;
  const { status } = verdict;
  if (verdict.kind === "retry") {
    const dueAt = (yield* isActive(row.webhook_id)) ? verdict.dueAt : null;
    yield* run(RETRY, dueAt, status, verdict.error, row.id);
    return true;
  }
  if (verdict.kind === "accepted") {
    yield* endDelivery(row, { state: "delivered", status, error: null, now });
    return true;
  }
  yield* endDelivery(row, { state: "failed", status, error: verdict.error, now });
  if (verdict.disable !== undefined && (yield* isActive(row.webhook_id))) {
    const { org_id: orgId, webhook_id: webhookId } = row;
    yield* disableWebhook({ webhookId, orgId, reason: verdict.disable, now, actor: SYSTEM_ACTOR });
  }
  return true;
}

/** Gives a delivery back that was claimed and not tried: the claim does not count. */
export function* postponeDelivery(args: {
  readonly deliveryId: string;
  readonly attempt: number;
  readonly dueAt: number;
}): Generator<Statement, void, unknown> {
  const row = yield* heldBy(args);
  if (!row) return;
  yield* run(POSTPONE, (yield* isActive(row.webhook_id)) ? args.dueAt : null, row.id);
}

/** Ends a delivery and lets the next of its lane begin. */
export function* endDelivery(
  row: DeliveryRow,
  end: {
    readonly state: "delivered" | "failed";
    readonly status: number | null;
    readonly error: DeliveryError | null;
    readonly now: number;
  },
): Generator<Statement, void, unknown> {
  yield* run(END, end.state, end.status, end.error, end.now, row.id);
  if (yield* isActive(row.webhook_id)) yield* releaseNext(row, end.now);
}

function* heldBy(args: {
  readonly deliveryId: string;
  readonly attempt: number;
}): Generator<Statement, DeliveryRow | undefined, unknown> {
  const row = yield* get<DeliveryRow>(SELECT_DELIVERY, args.deliveryId);
  return row?.state === "pending" && row.attempts === args.attempt ? row : undefined;
}
