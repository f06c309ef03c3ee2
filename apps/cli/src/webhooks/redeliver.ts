import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import { showDelivery } from "./show-webhook.ts";

interface RedeliverOptions {
  readonly failed?: true;
  readonly since?: number;
}

/** `signalbox webhooks redeliver`: sends one delivery again, or all that were given up. */
export async function redeliver(
  context: Context,
  webhookId: string,
  deliveryId: string | undefined,
  { failed, since }: RedeliverOptions,
): Promise<void> {
  if ((deliveryId === undefined) !== (failed === true))
    throw usageError("what is to be sent again?", "give either the id of a delivery or --failed");
  if (since !== undefined && !failed) throw usageError("--since goes with --failed", "leave it out");
  if (deliveryId === undefined) return await redeliverFailed(context, webhookId, since);
  const delivery = await (await context.client()).webhooks.redeliver(webhookId, deliveryId);
  context.output.result(delivery, () => showDelivery(context, delivery));
}

async function redeliverFailed(context: Context, webhookId: string, sinceMs: number | undefined): Promise<void> {
  const { webhooks } = await context.client();
  const request = sinceMs === undefined ? {} : { since: new Date(context.now() - sinceMs).toISOString() };
  let redelivered = 0;
  for (let remaining = true; remaining;) {
    const some = await webhooks.redeliverFailed(webhookId, request);
    redelivered += some.redelivered;
    remaining = some.remaining;
  }
  const { output } = context;
  output.result({ redelivered }, () =>
    output.line(redelivered === 0 ? "nothing was given up" : `${redelivered} on their way again`),
  );
}
