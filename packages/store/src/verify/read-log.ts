import type { EventDefinition } from "@signalbox/protocol";

import type { EventRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import type { Findings } from "./findings.ts";

/** An event whose type is known and whose data has the shape that the type promises. */
export interface ReadEvent<Type extends string> {
  readonly seq: number;
  readonly type: Type;
  readonly data: unknown;
}

type Row = Pick<EventRow, "seq" | "type" | "schema_version" | "at" | "actor" | "data">;

const PAGE = 1_000;
const SCHEMA_VERSION = 1;
const ACTOR = /^(token|runner|system|local):./;
const SELECT_PAGE =
  "SELECT seq, type, schema_version, at, actor, data FROM events WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?";

/**
 * Reads one stream to its end, a page at a time, and hands on each event that can be read. The numbers must go from
 * 1 to `lastSeq` without a hole. Returns how many events there are.
 */
export function* readLog<Type extends string>(
  log: {
    readonly stream: string;
    readonly lastSeq: number;
    readonly definitions: Readonly<Record<Type, EventDefinition>>;
  },
  findings: Findings,
  take: (event: ReadEvent<Type>) => void,
): Generator<Statement, number, unknown> {
  let last = 0;
  let count = 0;
  for (;;) {
    const rows: Row[] = yield* all<Row>(SELECT_PAGE, log.stream, last, PAGE);
    for (const row of rows) {
      if (row.seq !== last + 1) findings.problem("sequence", log.stream, `event ${row.seq} follows ${last}`);
      last = row.seq;
      const event = readEvent(row, log.stream, log.definitions, findings);
      if (event) take(event);
    }
    count += rows.length;
    if (rows.length < PAGE) break;
  }
  if (last !== log.lastSeq)
    findings.problem("sequence", log.stream, `the last event is ${last}; the row says ${log.lastSeq}`);
  return count;
}

function readEvent<Type extends string>(
  row: Row,
  stream: string,
  definitions: Readonly<Record<Type, EventDefinition>>,
  findings: Findings,
): ReadEvent<Type> | undefined {
  const { seq, type } = row;
  if (!isTypeOf(type, definitions)) {
    findings.problem("event", stream, `event ${seq} has the unknown type ${type}`);
    return undefined;
  }
  if (row.schema_version !== SCHEMA_VERSION)
    findings.problem("event", stream, `event ${seq} has schema version ${row.schema_version}`);
  if (!ACTOR.test(row.actor)) findings.problem("event", stream, `event ${seq} has the actor ${row.actor}`);
  if (!Number.isSafeInteger(row.at)) findings.problem("event", stream, `event ${seq} happened at ${row.at}`);

  const parsed = definitions[type].data.safeParse(parseJson(row.data));
  if (parsed.success) return { seq, type, data: parsed.data };
  const [issue] = parsed.error.issues;
  findings.problem(
    "event",
    stream,
    `${type} ${seq} cannot be read: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
  );
  return undefined;
}

function isTypeOf<Type extends string>(
  type: string,
  definitions: Readonly<Record<Type, EventDefinition>>,
): type is Type {
  return Object.hasOwn(definitions, type);
}

/** Text that is no JSON reads as undefined, which no schema of an event takes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
