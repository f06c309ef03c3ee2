import { parseActor, toTimestamp, type Webhook, type WebhookDelivery } from "@signalbox/protocol";
import type { DeliveryRow, WebhookRow } from "@signalbox/store";

/** A stored webhook as callers see it. */
export function toWebhook(row: WebhookRow, breaker: Webhook["breaker"], now: number): Webhook {
  const until = row.previous_until;
  return {
    id: row.id,
    orgId: row.org_id,
    url: row.url,
    // Written by the units from an array of filters.
    events: JSON.parse(row.events) as string[],
    active: row.state === "active",
    ...(row.disabled_reason === null ? {} : { disabledReason: row.disabled_reason }),
    origin: row.origin,
    breaker,
    createdAt: toTimestamp(row.created_at),
    createdBy: parseActor(row.created_by),
    updatedAt: toTimestamp(row.updated_at),
    ...(until === null || until <= now ? {} : { previousSecretUntil: toTimestamp(until) }),
  };
}

/** A stored delivery as callers see it. */
export function toDelivery(row: DeliveryRow): WebhookDelivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventType: row.event_type,
    ...(row.stream === null ? {} : { stream: row.stream }),
    ...(row.seq === null ? {} : { seq: row.seq }),
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    state: row.state,
    attempts: row.attempts,
    ...(row.last_attempt_at === null ? {} : { lastAttemptAt: toTimestamp(row.last_attempt_at) }),
    ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
    ...(row.due_at === null ? {} : { nextAttemptAt: toTimestamp(row.due_at) }),
    createdAt: toTimestamp(row.created_at),
    ...(row.ended_at === null ? {} : { endedAt: toTimestamp(row.ended_at) }),
  };
}
