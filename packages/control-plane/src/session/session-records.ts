import { limit, RECORD_LEFT_OUT, type ApiResponse } from "@signalbox/protocol";
import {
  findStreamSegment,
  readSession,
  readStreamSegments,
  readStreamLengths,
  sessionIdOf,
  type SignalboxStore,
  type StreamLength,
} from "@signalbox/store";

import { answer } from "../answer.ts";
import { NotFoundError } from "../errors.ts";
import type { AttemptBoard } from "../runner/attempt-board.ts";

const SEGMENTS_AT_ONCE = 16;
const NEW_LINE = Buffer.from("\n");
/** In place of what is missing, on a line of its own: what stands before and after it is cut anywhere. */
const LEFT_OUT = Buffer.from(`\n${JSON.stringify(RECORD_LEFT_OUT)}\n`);

/** What bounds a record that a runner is given. */
export interface RecordBounds {
  readonly maxBytes: number;
  /** Of these, what is kept of the beginning. */
  readonly headBytes: number;
}

/**
 * What the agents of a session's earlier attempts said, for the runner that has the session now: so that its agent can be told
 * of a conversation that it cannot load.
 */
export class SessionRecords {
  readonly #store: SignalboxStore;
  readonly #board: AttemptBoard;
  readonly #bounds: RecordBounds;

  constructor(deps: { readonly store: SignalboxStore; readonly board: AttemptBoard; readonly bounds?: RecordBounds }) {
    this.#store = deps.store;
    this.#board = deps.board;
    this.#bounds = deps.bounds ?? {
      maxBytes: limit("session.recordBytes"),
      headBytes: limit("session.recordHeadBytes"),
    };
  }

  /**
   * The events of the agents before an attempt, as lines of JSON, oldest first; of more than the limits allow the beginning and the
   * end. Only for the runner that holds the attempt, under its epoch; anybody else is told that there is none.
   */
  async open(
    held: { readonly attemptId: string; readonly epoch: number },
    runner: { readonly runnerId: string },
  ): Promise<ApiResponse<AsyncIterable<Uint8Array>>> {
    return answer(async () => {
      const attempt = this.#board.get(held.attemptId);
      if (attempt?.epoch !== held.epoch || attempt.runnerId !== runner.runnerId)
        throw new NotFoundError("attempt", held.attemptId);
      const { runId, stepIndex, orgId, epoch } = attempt;
      const sessionId = sessionIdOf(runId, stepIndex);
      if (!(await this.#store.view(() => readSession(sessionId, orgId)))) throw new NotFoundError("session", sessionId);
      const all = await this.#store.view(() => readStreamLengths(runId, stepIndex, "agent"));
      return this.#read(
        runId,
        all.filter(({ number }) => number < epoch),
      );
    });
  }

  async *#read(runId: string, records: readonly StreamLength[]): AsyncGenerator<Uint8Array> {
    for (const part of partsOf(records, this.#bounds)) {
      if (part === "left_out") yield LEFT_OUT;
      else {
        yield* this.#readPart(runId, part);
        yield NEW_LINE;
      }
    }
  }

  async *#readPart(runId: string, { attemptId, from, to }: RecordPart): AsyncGenerator<Uint8Array> {
    const place = { runId, attemptId, stream: "agent" as const };
    let seq = await this.#store.view(() => findStreamSegment({ ...place, offset: from }));
    for (let offset = from; offset < to;) {
      const rows = await this.#store.view(() => readStreamSegments({ ...place, offset, seq }, SEGMENTS_AT_ONCE));
      if (rows.length === 0) return yield LEFT_OUT;
      for (const { start, length, bytes, gap, seq: next } of rows) {
        if (start >= to) return;
        if (gap !== null) yield LEFT_OUT;
        else yield bytes.subarray(Math.max(0, offset - start), to - start);
        [offset, seq] = [start + length, next];
      }
    }
  }
}

/** Bytes of one attempt's record. */
interface RecordPart {
  readonly attemptId: string;
  readonly from: number;
  readonly to: number;
}

/** What of some records, one after the other, is told within bounds: all, or the beginning and the end. Pure. */
export function partsOf(
  records: readonly StreamLength[],
  { maxBytes, headBytes }: RecordBounds,
): readonly (RecordPart | "left_out")[] {
  const total = records.reduce((sum, { length }) => sum + length, 0);
  if (total <= maxBytes) return cut(records, 0, total);
  return [...cut(records, 0, headBytes), "left_out", ...cut(records, total - (maxBytes - headBytes), total)];
}

function cut(records: readonly StreamLength[], from: number, to: number): RecordPart[] {
  let before = 0;
  return records.flatMap(({ attemptId, length }) => {
    const part = { attemptId, from: Math.max(0, from - before), to: Math.min(length, to - before) };
    before += length;
    return part.from < part.to ? [part] : [];
  });
}
