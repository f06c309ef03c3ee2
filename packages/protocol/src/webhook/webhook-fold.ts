import { nextState } from "../transition-table.ts";
import type { WebhookEventType } from "./webhook-events.ts";
import { WEBHOOK_TRANSITIONS, type WebhookState } from "./webhook-states.ts";

/** What a webhook's events come to. */
export interface FoldedWebhook {
  readonly state: WebhookState | undefined;
  readonly url: string | undefined;
  readonly events: readonly string[];
  /** Every move that the table does not have. */
  readonly illegal: readonly { readonly seq: number; readonly message: string }[];
}

interface FoldedEvent {
  readonly seq: number;
  readonly type: WebhookEventType;
  readonly data: unknown;
}

const MOVES = {
  "webhook.enabled": "enable",
  "webhook.disabled": "disable",
  "webhook.deleted": "delete",
} as const;

/** Replays the events of one webhook, first to last, into the state, address and filters that its row must have. */
export function foldWebhook(log: Iterable<FoldedEvent>): FoldedWebhook {
  const illegal: { seq: number; message: string }[] = [];
  let state: WebhookState | undefined;
  let url: string | undefined;
  let events: readonly string[] = [];
  for (const { seq, type, data } of log) {
    const to = stateAfter(state, type);
    if (to === undefined)
      illegal.push({ seq, message: `the webhook is ${state ?? "not there"}; that leaves no way to ${type}` });
    if (type === "webhook.created" || type === "webhook.changed")
      ({ url, events } = data as { url: string; events: readonly string[] });
    state = to ?? state;
  }
  return { state, url, events, illegal };
}

function stateAfter(state: WebhookState | undefined, type: WebhookEventType): WebhookState | undefined {
  if (type === "webhook.created") return state === undefined ? "active" : undefined;
  if (state === undefined || state === "deleted") return undefined;
  if (type === "webhook.changed" || type === "webhook.secret_rotated") return state;
  return nextState(WEBHOOK_TRANSITIONS, state, MOVES[type]);
}
