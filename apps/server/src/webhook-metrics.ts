import type { WebhookStats } from "@signalbox/control-plane";

import { label, metric, samplesBy, type Sample } from "./prometheus-text.ts";

const BREAKER_STATES = { closed: 0, "half-open": 1, open: 2 } as const;

/** How webhooks stand, spelled for Prometheus. */
export function webhookMetrics(stats: WebhookStats): string[] {
  const { active, disabled, waiting, held, oldestWaitingMs, counts, breakers } = stats;
  return [
    ...metric("webhooks", "gauge", samplesBy("state", { active, disabled })),
    ...metric("webhook_deliveries_total", "counter", samplesBy("outcome", counts.deliveries)),
    ...metric("webhook_tries_total", "counter", samplesBy("outcome", counts.tries)),
    ...metric("webhook_deliveries_pending", "gauge", samplesBy("webhook_state", { active: waiting, disabled: held })),
    ...metric("webhook_oldest_waiting_seconds", "gauge", [["", oldestWaitingMs / 1_000]]),
    ...metric(
      "webhook_breaker_state",
      "gauge",
      breakers.map(({ webhookId, state }): Sample => [`{${label("webhook", webhookId)}}`, BREAKER_STATES[state]]),
    ),
  ];
}
