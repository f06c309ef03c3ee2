import { parseAttemptId } from "../derived-ids.ts";
import type { OutputSegmentRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** How much terminal output there is of one attempt. */
export interface TerminalLength {
  readonly attemptId: string;
  /** Of its step, counted from 1. */
  readonly number: number;
  readonly length: number;
}

/** What the attempts at a step wrote to their terminals, in their order; those that wrote nothing are left out. */
export function* readTerminalLengths(
  runId: string,
  stepIndex: number,
): Generator<Statement, readonly TerminalLength[], unknown> {
  // '/' is the character after '.'.
  const of = `att_${runId.slice(runId.indexOf("_") + 1)}.${stepIndex}`;
  const rows = yield* all<{ attempt_id: string; length: number }>(
    "SELECT attempt_id, length FROM output_streams WHERE attempt_id >= (SELECT ?) AND attempt_id < (SELECT ?) AND stream = 'terminal'",
    `${of}.`,
    `${of}/`,
  );
  return rows
    .map(({ attempt_id, length }) => ({
      attemptId: attempt_id,
      number: parseAttemptId(attempt_id)?.number ?? 0,
      length,
    }))
    .toSorted((a, b) => a.number - b.number);
}

/** Where to begin to read an attempt's terminal, so that what is before an offset need not be looked at. */
export function* findTerminalSegment({
  runId,
  attemptId,
  offset,
}: {
  readonly runId: string;
  readonly attemptId: string;
  readonly offset: number;
}): Generator<Statement, number, unknown> {
  const row = yield* get<{ seq: number }>(
    "SELECT seq FROM output_segments WHERE run_id = ? AND attempt_id = ? AND stream = 'terminal' AND start <= ? ORDER BY seq DESC LIMIT 1",
    runId,
    attemptId,
    offset,
  );
  return row?.seq ?? 0;
}

/** Pieces of an attempt's terminal that end after an offset, in order, from a number of the run's output on. */
export function* readTerminal(
  from: { readonly runId: string; readonly attemptId: string; readonly offset: number; readonly seq: number },
  limit: number,
): Generator<Statement, readonly OutputSegmentRow[], unknown> {
  return yield* all<OutputSegmentRow>(
    "SELECT * FROM output_segments WHERE run_id = (SELECT ?) AND seq >= (SELECT ?) AND attempt_id = ? AND stream = 'terminal' AND start + length > ? ORDER BY seq LIMIT ?",
    from.runId,
    from.seq,
    from.attemptId,
    from.offset,
    limit,
  );
}
