import { limit, type WebhookMessage } from "@signalbox/protocol";
import { readEvents, type DeliveryRow, type SignalboxStore } from "@signalbox/store";

import { findStep } from "./find-step.ts";
import { spellMessage } from "./spell-message.ts";

/** What is posted for a delivery, spelled anew as at each try; undefined when its event is no longer kept. */
export async function findMessage(store: SignalboxStore, row: DeliveryRow): Promise<WebhookMessage | undefined> {
  const { stream, seq } = row;
  if (stream === null || seq === null) return spelled({ row, event: undefined }, undefined);
  const [event] = await store.view(() => readEvents(stream, seq - 1, 1));
  if (event?.seq !== seq) return undefined;
  return spelled({ row, event }, await findStep(store, { row, event }));
}

function spelled(told: Parameters<typeof spellMessage>[0], stepId: string | undefined): WebhookMessage {
  return JSON.parse(spellMessage(told, stepId, limit("webhook.bodyBytes")).toString()) as WebhookMessage;
}
