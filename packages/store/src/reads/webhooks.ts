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

const COUNT_WEBHOOKS = "SELECT state, COUNT(*) AS count FROM webhooks WHERE state <> 'deleted' GROUP BY state";
const COUNT_PENDING = `SELECT webhooks.state AS state, COUNT(*) AS count FROM webhooks
  JOIN webhook_deliveries AS waiting ON waiting.webhook_id = webhooks.id AND waiting.state = 'pending'
  WHERE webhooks.state <> 'deleted' GROUP BY webhooks.state`;
const SELECT_OLDEST = `SELECT since FROM webhook_deliveries AS waiting WHERE waiting.state = 'pending'
  AND EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = waiting.webhook_id AND webhooks.state = 'active') ORDER BY since LIMIT 1`;

/** Counts webhooks and what waits for them, over all orgs. */
export function* readWebhookBacklog(): Generator<Statement, WebhookBacklog, unknown> {
  const webhooks = countsIn(yield* all<StateCount>(COUNT_WEBHOOKS));
  const pending = countsIn(yield* all<StateCount>(COUNT_PENDING));
  const oldest = yield* get<{ since: number }>(SELECT_OLDEST);
  return { ...webhooks, waiting: pending.active, held: pending.disabled, oldestSince: oldest?.since ?? null };
}

interface StateCount {
  readonly state: WebhookState;
  readonly count: number;
}

function countsIn(rows: readonly StateCount[]): { active: number; disabled: number } {
  const countOf = (wanted: WebhookState) => rows.find(({ state }) => state === wanted)?.count ?? 0;
  return { active: countOf("active"), disabled: countOf("disabled") };
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
