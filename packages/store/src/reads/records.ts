import { parseAttemptId } from "../derived-ids.ts";
import type { OutputSegmentRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** What the agent of one attempt said, as far as it was stored. */
export interface AgentRecord {
  readonly attemptId: string;
  /** Of its step, counted from 1. */
  readonly number: number;
  readonly length: number;
}

/** What the agents of a step's attempts said, in the order of the attempts; those that said nothing are left out. */
export function* readAgentRecords(
  runId: string,
  stepIndex: number,
): Generator<Statement, readonly AgentRecord[], unknown> {
  // '/' is the character after '.'.
  const of = `att_${runId.slice(runId.indexOf("_") + 1)}.${stepIndex}`;
  const rows = yield* all<{ attempt_id: string; length: number }>(
    "SELECT attempt_id, length FROM output_streams WHERE attempt_id >= (SELECT ?) AND attempt_id < (SELECT ?) AND stream = 'agent'",
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

/** Pieces of what an attempt's agent said that end after an offset, in order. */
export function* readAgentRecord(
  { runId, attemptId, offset }: { readonly runId: string; readonly attemptId: string; readonly offset: number },
  limit: number,
): Generator<Statement, readonly OutputSegmentRow[], unknown> {
  const first = yield* get<{ seq: number }>(
    "SELECT seq FROM output_segments WHERE run_id = ? AND attempt_id = ? AND stream = 'agent' AND start <= ? ORDER BY seq DESC LIMIT 1",
    runId,
    attemptId,
    offset,
  );
  return yield* all<OutputSegmentRow>(
    "SELECT * FROM output_segments WHERE run_id = (SELECT ?) AND seq >= (SELECT ?) AND attempt_id = ? AND stream = 'agent' AND start + length > ? ORDER BY seq LIMIT ?",
    runId,
    first?.seq ?? 0,
    attemptId,
    offset,
    limit,
  );
}
