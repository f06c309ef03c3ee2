import type { StateOf, TransitionTable } from "../transition-table.ts";

/** The life of a webhook. One that is disabled keeps what waits and is told of nothing new. */
export const WEBHOOK_TRANSITIONS = {
  active: { disable: "disabled", delete: "deleted" },
  disabled: { enable: "active", delete: "deleted" },
  deleted: {},
} as const satisfies TransitionTable;
export type WebhookState = StateOf<typeof WEBHOOK_TRANSITIONS>;

/** The life of a delivery: one event on its way to one webhook. A try that fails leaves it `pending` while there are tries left. */
export const DELIVERY_TRANSITIONS = {
  pending: { accept: "delivered", give_up: "failed" },
  delivered: { redeliver: "pending" },
  failed: { redeliver: "pending" },
} as const satisfies TransitionTable;
export type DeliveryState = StateOf<typeof DELIVERY_TRANSITIONS>;
