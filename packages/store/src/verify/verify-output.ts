import { idRangeOf } from "../derived-ids.ts";
import type { OutputSegmentRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

type Segment = Omit<OutputSegmentRow, "run_id" | "step_idx" | "bytes"> & { readonly size: number };

const PAGE = 500;
const SELECT_PAGE = `SELECT seq, attempt_id, stream, start, length, gap, length(bytes) AS size FROM output_segments
  WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?`;
const SELECT_STREAMS = "SELECT attempt_id, stream, length FROM output_streams WHERE attempt_id >= ? AND attempt_id < ?";

/** The output of one run: pieces numbered without holes, each stream without hole or overlap, as long as it says. */
export function* verifyOutput(
  runId: string,
  { findings }: VerifyContext,
  seen: Seen,
): Generator<Statement, void, unknown> {
  const lengths = new Map<string, number>();
  let last = 0;
  for (;;) {
    const rows: Segment[] = yield* all<Segment>(SELECT_PAGE, runId, last, PAGE);
    for (const { seq, attempt_id: attemptId, stream, start, length, gap, size } of rows) {
      const of = `piece ${seq} of ${stream} of attempt ${attemptId}`;
      const key = `${attemptId} ${stream}`;
      const end = lengths.get(key) ?? 0;
      if (seq !== last + 1) findings.problem("output", runId, `${of} follows piece ${last}`);
      if (start !== end) findings.problem("output", runId, `${of} begins at ${start}; the stream is at ${end}`);
      if (size !== (gap === null ? length : 0))
        findings.problem("output", runId, `${of} says ${length} bytes and holds ${size}`);
      lengths.set(key, start + length);
      last = seq;
    }
    seen.segments += rows.length;
    if (rows.length < PAGE) break;
  }
  const streams = yield* all<{ attempt_id: string; stream: string; length: number }>(
    SELECT_STREAMS,
    ...idRangeOf("att", runId),
  );
  for (const { attempt_id: attemptId, stream, length } of streams) {
    const key = `${attemptId} ${stream}`;
    const stored = lengths.get(key) ?? 0;
    if (stored !== length)
      findings.problem("output", runId, `${stream} of attempt ${attemptId} says ${length} bytes and holds ${stored}`);
    lengths.delete(key);
  }
  for (const key of lengths.keys()) findings.problem("output", runId, `output of ${key} is not accounted for`);
  seen.streams += streams.length;
}
