import type { Context } from "../context.ts";
import { remoteText } from "../text/remote-text.ts";
import { showDelivery } from "./show-webhook.ts";

/** `signalbox webhooks delivery`: what became of one event, why its last try failed, and what is posted of it. */
export async function showDeliveryDetails(context: Context, webhookId: string, deliveryId: string): Promise<void> {
  const { output } = context;
  const delivery = await (await context.client()).webhooks.delivery(webhookId, deliveryId);
  // Loaded here so that `--help` loads nothing.
  const { DELIVERY_ERRORS } = await import("@signalbox/protocol");
  output.result(delivery, ({ lastError, message }) => {
    showDelivery(context, delivery);
    if (lastError !== undefined) output.note(DELIVERY_ERRORS[lastError]);
    if (message === undefined) output.note("its event is no longer kept, or is not yours to read");
    else for (const line of JSON.stringify(message, null, 2).split("\n")) output.line(remoteText(line));
  });
}
