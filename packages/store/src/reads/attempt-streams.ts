import { parseAttemptId } from "../derived-ids.ts";
import type { OutputSegmentRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** An output stream that is read over the attempts at a step: what their agent said, or what their terminal showed. */
export type SteppedStream = "agent" | "terminal";

/** How much of a stream there is of one attempt. */
export interface StreamLength {
  readonly attemptId: string;
  /** Of its step, counted from 1. */
  readonly number: number;
  readonly length: number;
}

/** A place in the stream of an attempt. */
export interface StreamPlace {
  readonly runId: string;
  readonly attemptId: string;
  readonly stream: SteppedStream;
  readonly offset: number;
}

/** What the attempts at a step wrote to a stream, in their order; those that wrote nothing are left out. */
export function* readStreamLengths(
  runId: string,
  stepIndex: number,
  stream: SteppedStream,
): Generator<Statement, readonly StreamLength[], unknown> {
  // '/' is the character after '.'.
  const of = `att_${runId.slice(runId.indexOf("_") + 1)}.${stepIndex}`;
  const rows = yield* all<{ attempt_id: string; length: number }>(
    "SELECT attempt_id, length FROM output_streams WHERE attempt_id >= (SELECT ?) AND attempt_id < (SELECT ?) AND stream = ?",
    `${of}.`,
    `${of}/`,
    stream,
  );
  return rows
    .map(({ attempt_id, length }) => ({
      attemptId: attempt_id,
      number: parseAttemptId(attempt_id)?.number ?? 0,
      length,
    }))
    .toSorted((a, b) => a.number - b.number);
}

/** Where to begin to read the stream of an attempt, so that what is before an offset need not be looked at. */
export function* findStreamSegment({
  runId,
  attemptId,
  stream,
  offset,
}: StreamPlace): Generator<Statement, number, unknown> {
  const row = yield* get<{ seq: number }>(
    "SELECT seq FROM output_segments WHERE run_id = ? AND attempt_id = ? AND stream = ? AND start <= ? ORDER BY seq DESC LIMIT 1",
    runId,
    attemptId,
    stream,
    offset,
  );
  return row?.seq ?? 0;
}

/** Pieces of the stream of an attempt that end after an offset, in order, from a number of the run's output on. */
export function* readStreamSegments(
  { runId, attemptId, stream, offset, seq }: StreamPlace & { readonly seq: number },
  limit: number,
): Generator<Statement, readonly OutputSegmentRow[], unknown> {
  return yield* all<OutputSegmentRow>(
    "SELECT * FROM output_segments WHERE run_id = (SELECT ?) AND seq >= (SELECT ?) AND attempt_id = ? AND stream = ? AND start + length > ? ORDER BY seq LIMIT ?",
    runId,
    seq,
    attemptId,
    stream,
    offset,
    limit,
  );
}
