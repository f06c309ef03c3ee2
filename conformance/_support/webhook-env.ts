import type { Client } from "@signalbox/client";
import type { CreateWebhookInput, LimitOverrides, Webhook } from "@signalbox/protocol";

import { startDevEnv, type DevEnv } from "../dev-env.ts";

/** Tries that come soon and are short, so that a test need not wait. */
export const SOON: LimitOverrides = {
  "webhook.backoffMs": 200,
  "webhook.backoffMaxMs": 400,
  "webhook.timeoutMs": 1_000,
  "webhook.connectMs": 500,
  "webhook.leaseMs": 1_500,
  "webhook.breakerFailures": 1_000,
};
/** A server that may post to this machine's loopback address, and where a test wants it, a runner. */
export async function startWebhookEnv(
  more: {
    limits?: LimitOverrides;
    networks?: string;
    runners?: number;
    serverEnv?: Record<string, string>;
  } = {},
): Promise<DevEnv> {
  return startDevEnv({
    runners: more.runners ?? 0,
    limits: { ...SOON, ...more.limits },
    serverEnv: {
      SIGNALBOX_WEBHOOK_NETWORKS: more.networks ?? "127.0.0.1",
      SIGNALBOX_WEBHOOK_NETWORK_PORTS: "1-65535",
      ...more.serverEnv,
    },
  });
}

export function create(client: Client, url: string, more: Partial<CreateWebhookInput> = {}) {
  return client.webhooks.create({ url, ...more });
}

/** A run that is over at once: nobody is there to take its step. */
export async function cancelledRun(client: Client): Promise<string> {
  const { id } = await client.runs.create({ command: "true" });
  await client.runs.cancel(id);
  return id;
}

/** What the newest delivery of a webhook came to. */
export async function newest(client: Client, { id }: Pick<Webhook, "id">) {
  return (await client.webhooks.deliveries(id, { limit: 1 })).items[0];
}
