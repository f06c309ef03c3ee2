import { parseActor, toTimestamp, type EventRecord } from "@signalbox/protocol";
import type { EventRow } from "@signalbox/store";

/** A stored event as readers see it. */
export function toEventRecord(row: EventRow): EventRecord {
  return {
    stream: row.stream,
    seq: row.seq,
    type: row.type,
    schemaVersion: row.schema_version,
    at: toTimestamp(row.at),
    actor: parseActor(row.actor),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.causation === null ? {} : { causation: row.causation }),
    // Written by a unit from an object.
    data: JSON.parse(row.data) as Record<string, unknown>,
  };
}
