import { toTimestamp, type WebhookMessage } from "@signalbox/protocol";
import type { ClaimedDelivery } from "@signalbox/store";

/** The body of a post, the same at every try. A payload that would make it too large is left out, and the body says so. */
export function spellMessage({ row, event }: ClaimedDelivery, maxBytes: number): Buffer {
  const whole = Buffer.from(JSON.stringify(toMessage(row, event)));
  if (whole.length <= maxBytes) return whole;
  return Buffer.from(JSON.stringify({ ...toMessage(row, event), payload: {}, payload_omitted: true }));
}

function toMessage(row: ClaimedDelivery["row"], event: ClaimedDelivery["event"]): WebhookMessage {
  const { stream } = row;
  return {
    id: row.id,
    event_type: row.event_type,
    created_at: toTimestamp(event?.at ?? row.created_at),
    org_id: row.org_id,
    ...(row.run_id === null ? {} : { run_id: row.run_id }),
    ...(stream?.startsWith("ses_") ? { session_id: stream } : {}),
    ...(stream === null || row.seq === null ? {} : { stream, seq: row.seq }),
    payload: event ? withMore(row.event_type, JSON.parse(event.data) as Record<string, unknown>) : {},
  };
}

/** Receivers of artifacts read what is known of one under `metadata`. */
function withMore(type: string, data: Record<string, unknown>): Record<string, unknown> {
  if (type !== "artifact.created") return data;
  const { kind, bytes, step } = data;
  return { ...data, metadata: { kind, bytes, step } };
}
