import type { WebhookDelivery } from "@signalbox/protocol";
import { setTimeout as sleep } from "node:timers/promises";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { showDelivery } from "./show-webhook.ts";

const ASK_EVERY_MS = 100;
const LONGEST_MS = 15_000;

/** `signalbox webhooks test`: posts an event and waits for what the first try comes to. */
export async function testWebhook(context: Context, webhookId: string): Promise<void> {
  const { webhooks } = await context.client();
  const end = context.now() + LONGEST_MS;
  let delivery = await webhooks.test(webhookId);
  while (!isTried(delivery) && context.now() < end) {
    await sleep(ASK_EVERY_MS);
    delivery = await webhooks.delivery(webhookId, delivery.id);
  }
  context.output.result(delivery, () => showDelivery(context, delivery));
  if (delivery.state !== "delivered") context.exit(EXIT_CODES.failed.code);
}

function isTried({ state, lastError }: WebhookDelivery): boolean {
  return state !== "pending" || lastError !== undefined;
}
