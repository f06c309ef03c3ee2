import { messageOf } from "./event-message.ts";
import type { EventRecord } from "./event.ts";

type Told = Pick<EventRecord, "type" | "data">;

/**
 * What an event carries as others are told it, by the streams of the NOFX face and by webhooks: its data, a sentence for
 * people as `message`, and for an artifact what is known of it as `metadata`.
 */
export function toldPayload(event: Told): Record<string, unknown> {
  return { ...event.data, ...moreOf(event), message: messageOf(event) };
}

/** The name of the step that an event of a run is about; undefined for one about the run itself. */
export function toldStep({ data }: Told): string | undefined {
  const name = data["name"] ?? data["step"];
  return typeof name === "string" ? name : undefined;
}

function moreOf({ type, data }: Told): Record<string, unknown> {
  if (type !== "artifact.created") return {};
  const { kind, bytes, step } = data;
  return { metadata: { kind, bytes, step } };
}
