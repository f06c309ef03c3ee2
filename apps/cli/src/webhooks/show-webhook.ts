import type { Webhook, WebhookDelivery, WebhookWithSecret } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** How a webhook is, in a word. */
export function webhookWord({ active, breaker }: Webhook): string {
  if (!active) return "off";
  return breaker === "closed" ? "on" : "resting";
}

/** A webhook, line by line. */
export function showWebhook({ output, now }: Context, webhook: Webhook): void {
  const word = webhookWord(webhook);
  const why = webhook.disabledReason === undefined ? "" : `: ${remoteText(webhook.disabledReason)}`;
  output.line(`${webhook.id} is ${word}${why}`);
  output.line(`  to      ${remoteText(webhook.url)}`);
  output.line(`  tells   ${webhook.events.map(remoteText).join(" ")}`);
  output.line(`  made    ${ago(webhook.createdAt, now())} by ${webhook.createdBy.kind} ${webhook.createdBy.id}`);
  if (word === "resting") output.note("its receiver failed again and again; it is tried once in a while");
  if (webhook.previousSecretUntil !== undefined)
    output.line(`  signs   with the secret before as well; that ends ${until(webhook.previousSecretUntil, now())}`);
}

/** The secret on a line of its own, so that a script can take it; everything else beside it. */
export function showSecret({ output, now }: Context, { id, secret, previousSecretUntil }: WebhookWithSecret): void {
  output.line(remoteText(secret));
  output.note(`${id} signs with this secret; keep it now, it is not shown again`);
  if (previousSecretUntil !== undefined)
    output.note(`the secret before signs as well; that ends ${until(previousSecretUntil, now())}`);
  output.note(`try it with \`signalbox webhooks test ${id}\``);
}

/** What became of a delivery, in a line. */
export function showDelivery({ output, now }: Context, delivery: WebhookDelivery): void {
  const { id, eventType, state, attempts, lastStatus, lastError, nextAttemptAt } = delivery;
  const last = lastStatus === undefined ? lastError : `${lastStatus}`;
  const came = last === undefined ? "" : `; the last try came to ${last}`;
  const next = state === "pending" && nextAttemptAt !== undefined ? `; due ${until(nextAttemptAt, now())}` : "";
  output.line(
    `${id} ${remoteText(eventType)} is ${state} after ${attempts} ${attempts === 1 ? "try" : "tries"}${came}${next}`,
  );
}
