import type { DeliveryError, DeliveryState, WebhookState } from "@signalbox/protocol";

import type { DeliveryRow, WebhookRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** One webhook of an org. */
export function* readWebhook(webhookId: string, orgId: string): Generator<Statement, WebhookRow | undefined, unknown> {
  const row = yield* get<WebhookRow>("SELECT * FROM webhooks WHERE id = ? AND state <> 'deleted'", webhookId);
  return row?.org_id === orgId ? row : undefined;
}

/** Every webhook of an org, oldest first: there are no more than `webhooks.perOrg`. */
export function* readWebhooks(orgId: string): Generator<Statement, WebhookRow[], unknown> {
  return yield* all<WebhookRow>(
    "SELECT * FROM webhooks WHERE org_id = (SELECT ?) AND state <> 'deleted' ORDER BY id",
    orgId,
  );
}

/** For each active webhook of every org, when the first of what waits for it is due; null where nothing does. */
export function* readDueWebhooks(): Generator<Statement, { id: string; due_at: number | null }[], unknown> {
  return yield* all<{ id: string; due_at: number | null }>(
    `SELECT id, (SELECT MIN(due_at) FROM webhook_deliveries WHERE webhook_id = webhooks.id AND due_at IS NOT NULL) AS due_at
      FROM webhooks WHERE state = 'active' ORDER BY id`,
  );
}

/** What the last try of something came to that a webhook is still to be told. */
export interface FailedTry {
  readonly webhook_id: string;
  readonly last_status: number | null;
  readonly last_error: DeliveryError;
}

const SELECT_FAILED_TRIES = `SELECT DISTINCT webhook_id, last_status, last_error FROM webhook_deliveries
  WHERE state = 'pending' AND last_error IS NOT NULL ORDER BY webhook_id`;

/** How tries failed whose deliveries are to be tried again, each way once for each webhook. */
export function* readFailedTries(): Generator<Statement, FailedTry[], unknown> {
  return yield* all<FailedTry>(SELECT_FAILED_TRIES);
}

/** How the webhooks of every org stand. */
export interface WebhookBacklog {
  readonly active: number;
  readonly disabled: number;
  /** Deliveries that active webhooks are still to be told. */
  readonly waiting: number;
  /** Deliveries that stand still since their webhook is disabled. */
  readonly held: number;
  /** Since when the oldest of those that wait does; null when none does. */
  readonly oldestSince: number | null;
}

// Webhook by webhook: each count is one stretch of an index that has nothing but what is pending.
const COUNT_PENDING = `SELECT state,
  (SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = webhooks.id AND webhook_deliveries.state = 'pending') AS pending
  FROM webhooks WHERE state <> 'deleted'`;
const SELECT_OLDEST = `SELECT since FROM webhook_deliveries AS waiting WHERE waiting.state = 'pending'
  AND EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = waiting.webhook_id AND webhooks.state = 'active') ORDER BY since LIMIT 1`;

/** Counts webhooks and what waits for them, over all orgs. */
export function* readWebhookBacklog(): Generator<Statement, WebhookBacklog, unknown> {
  const rows = yield* all<{ state: WebhookState; pending: number }>(COUNT_PENDING);
  const active = rows.filter(({ state }) => state === "active");
  const disabled = rows.filter(({ state }) => state === "disabled");
  const oldest = yield* get<{ since: number }>(SELECT_OLDEST);
  return {
    active: active.length,
    disabled: disabled.length,
    waiting: sumOf(active),
    held: sumOf(disabled),
    oldestSince: oldest?.since ?? null,
  };
}

function sumOf(rows: readonly { readonly pending: number }[]): number {
  return rows.reduce((sum, { pending }) => sum + pending, 0);
}

/** One delivery of a webhook. */
export function* readDelivery(
  deliveryId: string,
  webhookId: string,
): Generator<Statement, DeliveryRow | undefined, unknown> {
  const row = yield* get<DeliveryRow>("SELECT * FROM webhook_deliveries WHERE id = ?", deliveryId);
  return row?.webhook_id === webhookId ? row : undefined;
}

export interface DeliveryQuery {
  readonly webhookId: string;
  readonly state?: DeliveryState | undefined;
  readonly limit: number;
  /** The last delivery of the page before. */
  readonly before?: DeliveryRow | undefined;
}

const SELECT_PAGE = `SELECT * FROM webhook_deliveries WHERE webhook_id = (SELECT ?) AND (? IS NULL OR n < ?)
  AND (? IS NULL OR state = ?) ORDER BY n DESC LIMIT ?`;

/** Deliveries of a webhook, newest first. */
export function* readDeliveries({
  webhookId,
  state,
  limit,
  before,
}: DeliveryQuery): Generator<Statement, DeliveryRow[], unknown> {
  const n = before?.n ?? null;
  return yield* all<DeliveryRow>(SELECT_PAGE, webhookId, n, n, state ?? null, state ?? null, limit);
}
