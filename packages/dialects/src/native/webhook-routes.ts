import type { ControlPlane } from "@signalbox/control-plane";
import {
  CreateWebhookRequestSchema,
  RedeliveredSchema,
  RedeliverFailedRequestSchema,
  RotateWebhookSecretRequestSchema,
  UpdateWebhookRequestSchema,
  WebhookDeliveryDetailsSchema,
  WebhookDeliverySchema,
  WebhookSchema,
  WebhookWithSecretSchema,
  type CreateWebhookInput,
  type RedeliverFailedRequest,
  type RotateWebhookSecretRequest,
  type UpdateWebhookRequest,
} from "@signalbox/protocol";
import * as z from "zod";

import { route, type Route } from "../route.ts";
import { given } from "./given.ts";
import * as wire from "./wire.ts";

const NO_BODY = { schema: wire.EmptyBodySchema, required: false, checked: "here" } as const;

/** The endpoints of the native API that are about webhooks. */
export function webhookRoutes({ webhooks }: Pick<ControlPlane, "webhooks">): Route[] {
  return [
    route({
      method: "POST",
      path: "/webhooks",
      permission: "webhooks:write",
      summary: "Lets a URL be told of events; the answer shows the secret that signs them, this once.",
      body: { schema: CreateWebhookRequestSchema, required: true },
      answer: { status: 201, schema: WebhookWithSecretSchema },
      handle: ({ body, context }) => webhooks.createWebhook(body as CreateWebhookInput, context),
    }),
    route({
      method: "GET",
      path: "/webhooks",
      permission: "webhooks:read",
      summary: "Lists webhooks, oldest first.",
      answer: { status: 200, schema: z.object({ items: z.array(WebhookSchema) }) },
      handle: ({ context }) => webhooks.listWebhooks(context),
    }),
    route({
      method: "GET",
      path: "/webhooks/:id",
      permission: "webhooks:read",
      summary: "A webhook, and whether its receiver is left alone for now.",
      answer: { status: 200, schema: WebhookSchema },
      handle: (call) => webhooks.getWebhook(call.param("id"), call.context),
    }),
    route({
      method: "PUT",
      path: "/webhooks/:id",
      permission: "webhooks:write",
      summary: "Changes where a webhook goes and what it tells, or switches it on or off; what is left out stays.",
      body: { schema: UpdateWebhookRequestSchema, required: true },
      answer: { status: 200, schema: WebhookSchema },
      handle: (call) => webhooks.updateWebhook(call.param("id"), call.body as UpdateWebhookRequest, call.context),
    }),
    route({
      method: "DELETE",
      path: "/webhooks/:id",
      permission: "webhooks:write",
      summary: "Ends a webhook; what waits for it is gone.",
      body: NO_BODY,
      answer: { status: 200, schema: WebhookSchema },
      handle: (call) => webhooks.deleteWebhook(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/webhooks/:id/rotate",
      permission: "webhooks:write",
      summary: "Gives a webhook another secret, shown this once; the one before signs as well for a while.",
      body: { schema: RotateWebhookSecretRequestSchema, required: false },
      answer: { status: 200, schema: WebhookWithSecretSchema },
      handle: (call) =>
        webhooks.rotateSecret(call.param("id"), call.body as RotateWebhookSecretRequest | undefined, call.context),
    }),
    route({
      method: "POST",
      path: "/webhooks/:id/test",
      permission: "webhooks:write",
      summary: "Posts an event that is about nothing.",
      body: NO_BODY,
      answer: { status: 202, schema: WebhookDeliverySchema },
      handle: (call) => webhooks.testWebhook(call.param("id"), call.context),
    }),
    route({
      method: "POST",
      path: "/webhooks/:id/redeliver",
      permission: "webhooks:write",
      summary: "Sends what was given up once more, oldest first, under the ids that it had.",
      body: { schema: RedeliverFailedRequestSchema, required: false },
      answer: { status: 202, schema: RedeliveredSchema },
      handle: (call) =>
        webhooks.redeliverFailed(call.param("id"), call.body as RedeliverFailedRequest | undefined, call.context),
    }),
    route({
      method: "GET",
      path: "/webhooks/:id/deliveries",
      permission: "webhooks:read",
      summary: "What became of the events that a webhook asked for, newest first.",
      query: wire.ListDeliveriesQuerySchema,
      answer: { status: 200, schema: wire.DeliveryListSchema },
      handle: (call) => webhooks.listDeliveries(call.param("id"), given(call.query), call.context),
    }),
    route({
      method: "GET",
      path: "/webhooks/:id/deliveries/:delivery",
      permission: "webhooks:read",
      summary: "What became of one event on its way to a webhook, and what is posted of it.",
      answer: { status: 200, schema: WebhookDeliveryDetailsSchema },
      handle: (call) => webhooks.getDelivery(call.param("id"), call.param("delivery"), call.context),
    }),
    route({
      method: "POST",
      path: "/webhooks/:id/deliveries/:delivery/redeliver",
      permission: "webhooks:write",
      summary: "Sends what was delivered or given up once more, under the same id.",
      body: NO_BODY,
      answer: { status: 202, schema: WebhookDeliverySchema },
      handle: (call) => webhooks.redeliver(call.param("id"), call.param("delivery"), call.context),
    }),
  ];
}
