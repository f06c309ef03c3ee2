import * as z from "zod";

import { ActorSchema } from "../actor.ts";
import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";
import { DEFAULT_WEBHOOK_FILTERS, WebhookFilterSchema } from "./webhook-filter.ts";
import { WebhookMessageSchema } from "./webhook-message.ts";
import { DELIVERY_TRANSITIONS, type DeliveryState } from "./webhook-states.ts";

/** Where events are posted: http or https, without user name, password or fragment. */
export const WebhookUrlSchema = z
  .string()
  .max(limit("webhook.urlLength"))
  .refine(isWebhookUrl, "must be an http or https URL without user name, password and fragment");

/**
 * What posts are signed with: `whsec_` and base 64 of at least 16 bytes, which are the key; or any other text of at least 16
 * characters, whose bytes are.
 */
export const WebhookSecretSchema = z
  .string()
  .min(16)
  .max(512)
  .regex(/^[\x21-\x7e]+$/, "must be printable and without blanks")
  .refine(isSecret, "after whsec_ there must be base 64 of at least 16 bytes");

const FiltersSchema = z.array(WebhookFilterSchema).min(1).max(limit("webhook.filters"));

/** What a caller sends to be told of events. Without a secret one is made. */
export const CreateWebhookRequestSchema = z.strictObject({
  url: WebhookUrlSchema,
  events: FiltersSchema.default([...DEFAULT_WEBHOOK_FILTERS]),
  secret: WebhookSecretSchema.optional(),
});
export type CreateWebhookRequest = z.infer<typeof CreateWebhookRequestSchema>;
export type CreateWebhookInput = z.input<typeof CreateWebhookRequestSchema>;

/** What a caller sends to change a webhook; what is left out stays as it is. */
export const UpdateWebhookRequestSchema = z.strictObject({
  url: WebhookUrlSchema.optional(),
  events: FiltersSchema.optional(),
  active: z.boolean().optional(),
});
export type UpdateWebhookRequest = z.infer<typeof UpdateWebhookRequestSchema>;

/** A new secret in place of the one before, which signs beside it for a while. Without a secret one is made. */
export const RotateWebhookSecretRequestSchema = z.strictObject({
  secret: WebhookSecretSchema.optional(),
  /** How long the secret before is good for; 0: no longer. Default `webhook.rotationMs`. */
  overlapMs: z.int().min(0).max(limit("webhook.rotationMaxMs")).optional(),
});
export type RotateWebhookSecretRequest = z.infer<typeof RotateWebhookSecretRequestSchema>;

/** Which deliveries that were given up are sent again. */
export const RedeliverFailedRequestSchema = z.strictObject({
  /** Of events that were to be told from then on. Absent: all that are kept. */
  since: TimestampSchema.optional(),
});
export type RedeliverFailedRequest = z.infer<typeof RedeliverFailedRequestSchema>;

/** What came of sending again what was given up. */
export const RedeliveredSchema = z.object({
  /** How many deliveries are on their way again. */
  redelivered: z.int(),
  /** Whether there are more than one request sends again. */
  remaining: z.boolean(),
});
export type Redelivered = z.infer<typeof RedeliveredSchema>;

/** Who made a webhook: a caller of the API, or the environment of the server. */
export const WEBHOOK_ORIGINS = ["api", "environment"] as const;
export type WebhookOrigin = (typeof WEBHOOK_ORIGINS)[number];

/** A webhook without its secret. */
export const WebhookSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  active: z.boolean(),
  /** Why it was switched off, where it was not a caller who did. */
  disabledReason: z.string().optional(),
  origin: z.enum(WEBHOOK_ORIGINS),
  /** Whether the receiver is left alone for now, since it failed again and again. */
  breaker: z.enum(["closed", "open", "half-open"]),
  createdAt: TimestampSchema,
  createdBy: ActorSchema,
  updatedAt: TimestampSchema,
  /** Until when the secret before the present one signs as well. */
  previousSecretUntil: TimestampSchema.optional(),
});
export type Webhook = z.infer<typeof WebhookSchema>;

/** A webhook with its secret, which is shown this once. */
export const WebhookWithSecretSchema = WebhookSchema.extend({ secret: z.string() });
export type WebhookWithSecret = z.infer<typeof WebhookWithSecretSchema>;

export const DeliveryStateSchema = z.enum(Object.keys(DELIVERY_TRANSITIONS) as [DeliveryState, ...DeliveryState[]]);

/** Why a try failed. The body of an answer is never kept. */
export const DELIVERY_ERRORS = {
  status: "The receiver answered with a status other than 2xx.",
  redirected: "The receiver answered with a redirect, which is not followed.",
  timeout: "The receiver did not take the connection or did not answer in time.",
  unreachable: "There was no connection to the receiver, or it was lost.",
  name_unknown: "The name in the URL stands for no address.",
  address_refused: "The address is one that the operator has not allowed.",
  port_refused: "The port is one that the operator has not allowed.",
  certificate_self_signed: "The receiver's certificate is vouched for by nobody but itself.",
  certificate_untrusted: "The receiver's certificate comes from an authority that the server does not trust.",
  certificate_expired: "The time of the receiver's certificate, or of one above it, is over.",
  certificate_not_yet_valid: "The time of the receiver's certificate, or of one above it, has not begun.",
  certificate_wrong_name: "The receiver's certificate is for another name than the URL's.",
  tls: "There was no secure connection, for another reason than the certificates above.",
  invalid_answer: "What came back is not HTTP.",
  expired: "It was too old to be tried again.",
} as const;
export type DeliveryError = keyof typeof DELIVERY_ERRORS;
const DeliveryErrorSchema = z.enum(Object.keys(DELIVERY_ERRORS) as [DeliveryError, ...DeliveryError[]]);

/** One event on its way to one webhook. `id` is what the receiver gets as `webhook-id`, the same at every try. */
export const WebhookDeliverySchema = z.object({
  id: z.string(),
  webhookId: z.string(),
  eventType: z.string(),
  /** What the event is about, and its number there; absent for a test. */
  stream: z.string().optional(),
  seq: z.int().optional(),
  runId: z.string().optional(),
  state: DeliveryStateSchema,
  attempts: z.int(),
  lastAttemptAt: TimestampSchema.optional(),
  lastStatus: z.int().optional(),
  lastError: DeliveryErrorSchema.optional(),
  /** Absent when it is over, or when one of the same run stands before it. */
  nextAttemptAt: TimestampSchema.optional(),
  createdAt: TimestampSchema,
  endedAt: TimestampSchema.optional(),
});
export type WebhookDelivery = z.infer<typeof WebhookDeliverySchema>;

/** A delivery with what is posted. */
export const WebhookDeliveryDetailsSchema = WebhookDeliverySchema.extend({
  /** Absent when the event is no longer kept, and for a caller who may not read what it is about. */
  message: WebhookMessageSchema.optional(),
});
export type WebhookDeliveryDetails = z.infer<typeof WebhookDeliveryDetailsSchema>;

/** Bytes that a secret stands for; undefined for a text that is no secret. */
export function webhookKey(secret: string): Uint8Array<ArrayBuffer> | undefined {
  if (!secret.startsWith(SECRET_PREFIX)) return new TextEncoder().encode(secret);
  const base64 = secret.slice(SECRET_PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** What a secret begins with whose key is spelled in base 64. */
export const SECRET_PREFIX = "whsec_";
const LEAST_KEY_BYTES = 16;

function isSecret(text: string): boolean {
  return (webhookKey(text)?.length ?? 0) >= LEAST_KEY_BYTES;
}

function isWebhookUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.hash === "" && !text.includes("#");
}
