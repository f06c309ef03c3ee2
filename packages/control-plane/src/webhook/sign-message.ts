import { createHmac } from "node:crypto";

import { webhookKey } from "@signalbox/protocol";

/**
 * The headers by which a receiver knows a post: its id, its time, and a signature for each secret, as Standard Webhooks has
 * them.
 */
export function signMessage(message: {
  readonly id: string;
  readonly body: Uint8Array;
  readonly nowMs: number;
  /** The present one first. */
  readonly secrets: readonly string[];
}): Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string> {
  const timestamp = String(Math.floor(message.nowMs / 1_000));
  const signatures = message.secrets.map((secret) => {
    const key = webhookKey(secret);
    if (!key) throw new TypeError("a webhook's secret is not what its schema lets in");
    const hmac = createHmac("sha256", key).update(`${message.id}.${timestamp}.`).update(message.body);
    return `v1,${hmac.digest("base64")}`;
  });
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}
