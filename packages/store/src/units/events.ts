import type { Actor } from "@signalbox/protocol";

import { run, type SqlValue, type Statement } from "../unit.ts";
import { planDeliveries } from "./webhook/plan-deliveries.ts";

/** An event that a unit is about to append. */
export interface PendingEvent {
  readonly type: string;
  readonly data: object;
}

/** Who did it and when: what all events of a unit share. */
export interface EventOrigin {
  readonly orgId: string;
  readonly now: number;
  readonly actor: Actor;
  readonly traceparent?: string | undefined;
}

/** The same where the org is known from what is changed. */
export type Origin = Pick<EventOrigin, "now" | "actor">;

const ROWS_AT_ONCE = 4;
/** Most events come without a trace, and what has a default is not bound: every parameter costs. */
const INSERT_PLAIN = insertsOf(["stream", "seq", "type", "at", "actor", "data"]);
const INSERT_TRACED = insertsOf(["stream", "seq", "type", "at", "actor", "data", "traceparent"]);

/** The text that inserts n rows, for each n. */
function insertsOf(columns: readonly string[]): readonly string[] {
  const row = `(${columns.map(() => "?").join(", ")})`;
  const into = "INSERT INTO events (" + columns.join(", ") + ") VALUES ";
  return Array.from({ length: ROWS_AT_ONCE + 1 }, (_, n) => into + Array.from({ length: n }, () => row).join(", "));
}

/** Every text with which events are appended, for the test that compiles all statements. */
export const APPEND_EVENTS_SQL: readonly string[] = [...INSERT_PLAIN.slice(1), ...INSERT_TRACED.slice(1)];

/** Appends events after `lastSeq` and returns the new last number. The caller keeps it in the row that owns the stream. */
export function* appendEvents(
  stream: string,
  lastSeq: number,
  events: readonly PendingEvent[],
  origin: EventOrigin,
): Generator<Statement, number, unknown> {
  const actor = `${origin.actor.kind}:${origin.actor.id}`;
  const { traceparent } = origin;
  const inserts = traceparent === undefined ? INSERT_PLAIN : INSERT_TRACED;
  for (let from = 0; from < events.length; from += ROWS_AT_ONCE) {
    const some = events.slice(from, from + ROWS_AT_ONCE);
    const params: SqlValue[] = [];
    for (const [index, event] of some.entries()) {
      const seq = lastSeq + from + index + 1;
      params.push(stream, seq, event.type, origin.now, actor, JSON.stringify(event.data));
      if (traceparent !== undefined) params.push(traceparent);
    }
    yield* run(inserts[some.length] ?? "", ...params);
  }
  yield* planDeliveries(stream, lastSeq, events, origin);
  return lastSeq + events.length;
}
