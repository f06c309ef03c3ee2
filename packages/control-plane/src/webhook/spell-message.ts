import { meaningOf, toldPayload, toTimestamp, type WebhookMessage } from "@signalbox/protocol";
import type { ClaimedDelivery } from "@signalbox/store";

/** A delivery and its event. */
export type ToldDelivery = Pick<ClaimedDelivery, "row" | "event">;

/**
 * The body of a post, the same at every try. `stepId` is the step that the event is about. A payload that would make it too
 * large is left out, and the body says so.
 */
export function spellMessage(delivery: ToldDelivery, stepId: string | undefined, maxBytes: number): Buffer {
  const message = toMessage(delivery, stepId);
  const whole = Buffer.from(JSON.stringify(message));
  if (whole.length <= maxBytes) return whole;
  const payload = { message: meaningOf(message.event_type) };
  return Buffer.from(JSON.stringify({ ...message, payload, payload_omitted: true } satisfies WebhookMessage));
}

function toMessage({ row, event }: ToldDelivery, stepId: string | undefined): WebhookMessage {
  const { stream } = row;
  const data = event ? (JSON.parse(event.data) as Record<string, unknown>) : {};
  return {
    id: row.id,
    event_type: row.event_type,
    created_at: toTimestamp(event?.at ?? row.created_at),
    org_id: row.org_id,
    ...(row.run_id === null ? {} : { run_id: row.run_id }),
    ...(stream?.startsWith("ses_") ? { session_id: stream } : {}),
    ...(stepId === undefined ? {} : { step_id: stepId }),
    ...(stream === null || row.seq === null ? {} : { stream, seq: row.seq }),
    payload: toldPayload({ type: row.event_type, data }),
  };
}
