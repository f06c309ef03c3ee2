import type { ControlPlane } from "@signalbox/control-plane";
import { nativeFace, route, type Face } from "@signalbox/dialects";
import * as z from "zod";

import type { HttpMetrics } from "./http-metrics.ts";

const HealthSchema = z.object({ ok: z.boolean(), status: z.enum(["ok", "stopping", "not_writable"]) });

/** What those who run a server ask it: whether it lives, and its numbers. */
export function operationsFace(controlPlane: ControlPlane, metrics: HttpMetrics, isStopping: () => boolean): Face {
  const health = () => {
    const status = isStopping() ? "stopping" : controlPlane.stats().writable ? "ok" : "not_writable";
    const body = JSON.stringify({ ok: status === "ok", status });
    return new Response(body, {
      status: status === "ok" ? 200 : 503,
      headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    });
  };
  const answer = {
    status: 200,
    schema: HealthSchema,
    isBare: true,
    also: { 503: "The server takes no work." },
  } as const;
  return {
    ...nativeFace(controlPlane),
    name: "operations",
    mount: "/",
    routes: [
      route({
        method: "GET",
        path: "/health",
        permission: "public",
        summary: "Whether the server takes work.",
        answer,
        handle: health,
      }),
      route({
        method: "GET",
        path: "/healthz",
        permission: "public",
        summary: "The same as /health.",
        answer,
        handle: health,
      }),
      route({
        method: "GET",
        path: "/metrics",
        permission: "runners:read",
        summary: "Counts and gauges, as Prometheus reads them.",
        answer: { status: 200, contentType: "text/plain; version=0.0.4" },
        async handle({ context }) {
          const webhooks = await controlPlane.webhooks.readStats(context.principal.orgId);
          return new Response(metrics.render(controlPlane.stats(), webhooks), {
            headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store" },
          });
        },
      }),
    ],
  };
}
