import { DELIVERY_ERRORS, type DeliveryError, type Webhook } from "@signalbox/protocol";
import { readWebhookBacklog, readWebhooks, type SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { WebhookWorker } from "./webhook-worker.ts";

/** What one try came to. */
export type TryOutcome = "accepted" | Exclude<DeliveryError, "expired">;

/** How webhooks stand, for metrics: over all orgs, but for the breakers. */
export interface WebhookStats {
  readonly active: number;
  readonly disabled: number;
  /** Deliveries that active webhooks are still to be told. */
  readonly waiting: number;
  /** Deliveries that stand still since their webhook is disabled. */
  readonly held: number;
  /** How long the oldest of those that wait does; 0 when none does. */
  readonly oldestWaitingMs: number;
  readonly counts: Readonly<WebhookCounts>;
  /** Whether each webhook of the org that asks is left alone for now; no more than `webhooks.perOrg`, and the one of the settings. */
  readonly breakers: readonly { readonly webhookId: string; readonly state: Webhook["breaker"] }[];
}

/** What was counted since this control plane began. */
export interface WebhookCounts {
  /** Deliveries that are over. */
  readonly deliveries: Record<"delivered" | "failed", number>;
  readonly tries: Record<TryOutcome, number>;
}

/** Counts that begin at zero, each of them there from the start. */
export function noWebhookCounts(): WebhookCounts {
  const { expired: _, ...errors } = DELIVERY_ERRORS;
  const outcomes = ["accepted", ...Object.keys(errors)].map((outcome) => [outcome, 0]);
  return {
    deliveries: { delivered: 0, failed: 0 },
    tries: Object.fromEntries(outcomes) as WebhookCounts["tries"],
  };
}

/** Reads how webhooks stand; `orgId` is whose breakers are told. */
export async function readWebhookStats(
  { store, clock, worker }: { readonly store: SignalboxStore; readonly clock: Clock; readonly worker: WebhookWorker },
  orgId: string,
): Promise<WebhookStats> {
  const { oldestSince, ...backlog } = await store.view(readWebhookBacklog);
  const rows = await store.view(() => readWebhooks(orgId));
  return {
    ...backlog,
    oldestWaitingMs: oldestSince === null ? 0 : Math.max(0, clock.now() - oldestSince),
    counts: worker.counts,
    breakers: rows.map(({ id }) => ({ webhookId: id, state: worker.breakerOf(id) })),
  };
}
