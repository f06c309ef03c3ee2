import {
  RedeliveredSchema,
  WebhookDeliveryDetailsSchema,
  WebhookDeliverySchema,
  WebhookSchema,
  WebhookWithSecretSchema,
  type CreateWebhookInput,
  type DeliveryState,
  type Redelivered,
  type RedeliverFailedRequest,
  type RotateWebhookSecretRequest,
  type UpdateWebhookRequest,
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookWithSecret,
} from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

const WebhookListSchema = z.object({ items: z.array(WebhookSchema) });
const DeliveryPageSchema = z.object({ items: z.array(WebhookDeliverySchema), nextCursor: z.string().optional() });

/** A page of deliveries, newest first; `nextCursor` is absent on the last. */
export interface DeliveryPage {
  readonly items: WebhookDelivery[];
  readonly nextCursor?: string | undefined;
}

/** Webhooks: who is told of which events where, and what became of each. */
export class WebhooksClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Every webhook, oldest first. */
  list(options?: CallOptions): Promise<{ items: Webhook[] }> {
    return this.#requester.json({ path: "/webhooks", ...options }, WebhookListSchema);
  }

  get(webhookId: string, options?: CallOptions): Promise<Webhook> {
    return this.#requester.json({ path: pathOf(webhookId), ...options }, WebhookSchema);
  }

  /** Lets a URL be told of events. The answer holds the secret that `verifyWebhook` needs; it is shown this once. */
  create(request: CreateWebhookInput, options?: CallOptions): Promise<WebhookWithSecret> {
    return this.#requester.json(
      { method: "POST", path: "/webhooks", body: request, ...options },
      WebhookWithSecretSchema,
    );
  }

  /** Changes where it goes and what it tells, or switches it on or off; what is left out stays as it is. */
  update(webhookId: string, request: UpdateWebhookRequest, options?: CallOptions): Promise<Webhook> {
    return this.#requester.json({ method: "PUT", path: pathOf(webhookId), body: request, ...options }, WebhookSchema);
  }

  /** Ends a webhook; what waits for it is gone. */
  delete(webhookId: string, options?: CallOptions): Promise<Webhook> {
    return this.#requester.json({ method: "DELETE", path: pathOf(webhookId), ...options }, WebhookSchema);
  }

  /** Gives it another secret, shown this once. For `overlapMs` posts are signed with the one before as well. */
  rotate(
    webhookId: string,
    request: RotateWebhookSecretRequest = {},
    options?: CallOptions,
  ): Promise<WebhookWithSecret> {
    return this.#post(`${pathOf(webhookId)}/rotate`, request, WebhookWithSecretSchema, options);
  }

  /** Posts an event that is about nothing; `delivery` tells what became of it. */
  test(webhookId: string, options?: CallOptions): Promise<WebhookDelivery> {
    return this.#post(`${pathOf(webhookId)}/test`, {}, WebhookDeliverySchema, options);
  }

  /** What became of the events that it asked for, newest first. */
  deliveries(
    webhookId: string,
    query: { readonly state?: DeliveryState; readonly limit?: number; readonly cursor?: string } = {},
    options?: CallOptions,
  ): Promise<DeliveryPage> {
    const path = `${pathOf(webhookId)}/deliveries`;
    return this.#requester.json({ path, query: { ...query }, ...options }, DeliveryPageSchema);
  }

  /** What became of one event, with the `message` that is posted where the caller may read what it is about. */
  delivery(webhookId: string, deliveryId: string, options?: CallOptions): Promise<WebhookDeliveryDetails> {
    const path = deliveryPathOf(webhookId, deliveryId);
    return this.#requester.json({ path, ...options }, WebhookDeliveryDetailsSchema);
  }

  /** Sends what was delivered or given up once more, under the same id. */
  redeliver(webhookId: string, deliveryId: string, options?: CallOptions): Promise<WebhookDelivery> {
    const path = `${deliveryPathOf(webhookId, deliveryId)}/redeliver`;
    return this.#post(path, {}, WebhookDeliverySchema, options);
  }

  /** Sends what was given up once more, oldest first. While `remaining` is true there is more than one request sends again. */
  redeliverFailed(
    webhookId: string,
    request: RedeliverFailedRequest = {},
    options?: CallOptions,
  ): Promise<Redelivered> {
    return this.#post(`${pathOf(webhookId)}/redeliver`, request, RedeliveredSchema, options);
  }

  #post<T>(path: string, body: object, schema: z.ZodType<T>, options?: CallOptions): Promise<T> {
    return this.#requester.json({ method: "POST", path, body, ...options }, schema);
  }
}

function pathOf(webhookId: string): string {
  return `/webhooks/${encodeURIComponent(webhookId)}`;
}

function deliveryPathOf(webhookId: string, deliveryId: string): string {
  return `${pathOf(webhookId)}/deliveries/${encodeURIComponent(deliveryId)}`;
}
