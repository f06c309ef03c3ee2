import type { ControlPlane, WebhookStats } from "@signalbox/control-plane";
import type { Answered } from "@signalbox/dialects";

import { label, metric, type Sample } from "./prometheus-text.ts";
import { webhookMetrics } from "./webhook-metrics.ts";

type Stats = ReturnType<ControlPlane["stats"]>;

interface Tally {
  count: number;
  seconds: number;
}

/** Counts answers by route and status, and spells them with the control plane's own numbers for Prometheus. */
export class HttpMetrics {
  readonly #tallies = new Map<string, Map<number, Tally>>();
  readonly #ends = new Map<string, number>();

  answered({ route = "none", status, durationMs, end }: Answered): void {
    let byStatus = this.#tallies.get(route);
    if (!byStatus) this.#tallies.set(route, (byStatus = new Map()));
    const tally = byStatus.get(status);
    if (!tally) byStatus.set(status, { count: 1, seconds: durationMs / 1_000 });
    else {
      tally.count++;
      tally.seconds += durationMs / 1_000;
    }
    if (end !== undefined) this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
  }

  render(stats: Stats, webhooks: WebhookStats): string {
    const { counters, writable, ...gauges } = stats;
    const lines = [...metric("store_writable", "gauge", [["", writable ? 1 : 0]])];
    for (const [name, value] of Object.entries(gauges)) lines.push(...metric(snake(name), "gauge", [["", value]]));
    for (const [name, value] of Object.entries(counters))
      lines.push(...metric(`${snake(name)}_total`, "counter", [["", value]]));
    lines.push(
      ...metric(
        "http_requests_total",
        "counter",
        this.#samples(({ count }) => count),
      ),
    );
    lines.push(
      ...metric(
        "http_request_seconds_total",
        "counter",
        this.#samples(({ seconds }) => seconds),
      ),
    );
    const ends = [...this.#ends].map(([end, count]): Sample => [`{end="${end}"}`, count]);
    lines.push(...metric("streams_ended_total", "counter", ends));
    lines.push(...webhookMetrics(webhooks));
    return `${lines.join("\n")}\n`;
  }

  #samples(value: (tally: Tally) => number): Sample[] {
    return [...this.#tallies].flatMap(([route, byStatus]) =>
      [...byStatus].map(([status, tally]): Sample => [`{${label("route", route)},status="${status}"}`, value(tally)]),
    );
  }
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, "_");
}
