import * as z from "zod";

import type { EventDefinition } from "../event.ts";

/** Every event of a webhook's own stream: who made it, changed it, switched it off. */
export const WEBHOOK_EVENTS = {
  "webhook.created": {
    meaning: "Somebody wants to be told of events.",
    data: z.object({ url: z.string(), events: z.array(z.string()) }),
  },
  "webhook.changed": {
    meaning: "It goes to another place, or tells of other events.",
    data: z.object({ url: z.string(), events: z.array(z.string()) }),
  },
  "webhook.enabled": { meaning: "It was switched on again.", data: z.object({}) },
  "webhook.disabled": {
    meaning: "It was switched off; the receiver itself can ask for that with 410.",
    data: z.object({ reason: z.string().optional() }),
  },
  "webhook.secret_rotated": {
    meaning: "It signs with another secret; the one before signs beside it for a while.",
    data: z.object({ previousUntil: z.string().optional() }),
  },
  "webhook.deleted": { meaning: "Nothing is posted any more; what waited is gone.", data: z.object({}) },
} as const satisfies Record<string, EventDefinition>;
export type WebhookEventType = keyof typeof WEBHOOK_EVENTS;
/** What an event of a type carries. */
export type WebhookEventData<Type extends WebhookEventType> = z.input<(typeof WEBHOOK_EVENTS)[Type]["data"]>;
