import type { OutputStream } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import { get, run, type Statement } from "../../unit.ts";
import { applyFacts } from "../session/apply-facts.ts";
import type { SessionOutcome } from "../session/session-change.ts";
import { hasEnded, loadHeldAttempt } from "./attempt-change.ts";

/** One piece of output of an attempt, as it came off the wire and passed its checksum. */
export interface OutputPiece {
  readonly attemptId: string;
  readonly epoch: number;
  readonly stream: OutputStream;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly gap?: string;
}

/** What became of a piece: all before `offset` is stored, or the stream goes on at `offset`, or the writer is fenced. */
export interface OutputVerdict {
  readonly kind: "ack" | "expect" | "fenced";
  readonly attemptId: string;
  readonly epoch: number;
  readonly stream: OutputStream;
  readonly offset: number;
  readonly runId: string;
  /** The session that went on by what the piece said. */
  readonly session?: SessionOutcome;
}

export interface AppendOutputArgs {
  readonly runnerId: string;
  readonly pieces: readonly OutputPiece[];
  /** Bytes kept of one attempt; a piece that would go beyond is stored as a gap. */
  readonly maxBytes: number;
  readonly now: number;
}

/** Bytes of one stream of an attempt, and of all its streams together. */
interface Lengths {
  readonly stored: number;
  readonly total: number;
}

const SELECT_LENGTHS = `SELECT COALESCE(SUM(CASE WHEN stream = ? THEN length END), 0) AS stored, COALESCE(SUM(length), 0) AS total
  FROM output_streams WHERE attempt_id = (SELECT ?)`;
const SET_LENGTH = `INSERT INTO output_streams (attempt_id, stream, length) VALUES (?, ?, ?)
  ON CONFLICT (attempt_id, stream) DO UPDATE SET length = excluded.length`;
const LAST_SEQ = "SELECT COALESCE(MAX(seq), 0) AS seq FROM output_segments WHERE run_id = (SELECT ?)";
const INSERT_SEGMENT = `INSERT INTO output_segments (run_id, seq, step_idx, attempt_id, stream, start, length, gap, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Who may write the output of an attempt, and where it goes. */
interface Holder {
  readonly runId: string;
  readonly stepIndex: number;
  readonly isLive: boolean;
  readonly sessionId: string | undefined;
}

/** Appends pieces in order, each once: what is there already is acknowledged again, what leaves a hole is sent back. */
export function* appendOutput(args: AppendOutputArgs): Generator<Statement, OutputVerdict[], unknown> {
  const holders = new Map<string, Holder | undefined>();
  const verdicts: OutputVerdict[] = [];
  for (const piece of args.pieces) {
    const key = `${piece.attemptId}/${piece.epoch}`;
    if (!holders.has(key)) holders.set(key, yield* findHolder(piece, args.runnerId));
    verdicts.push(yield* appendPiece(piece, holders.get(key), args));
  }
  return verdicts;
}

/** Undefined: the runner may not write to this attempt, or not any more. */
function* findHolder(
  { attemptId, epoch }: OutputPiece,
  runnerId: string,
): Generator<Statement, Holder | undefined, unknown> {
  try {
    const { change, step, attempt } = yield* loadHeldAttempt({ attemptId, epoch, runnerId });
    return {
      runId: change.id,
      stepIndex: change.progress.steps.indexOf(step),
      isLive: !hasEnded(attempt),
      sessionId: step.sessionId,
    };
  } catch (error) {
    if (error instanceof UnitRefusal) return undefined;
    throw error;
  }
}

function* appendPiece(
  piece: OutputPiece,
  holder: Holder | undefined,
  args: AppendOutputArgs,
): Generator<Statement, OutputVerdict, unknown> {
  const { attemptId, epoch, stream } = piece;
  const told = { attemptId, epoch, stream, runId: holder?.runId ?? "" };
  if (!holder) return { ...told, kind: "fenced", offset: 0 };

  const { stored, total } = (yield* get<Lengths>(SELECT_LENGTHS, stream, attemptId)) ?? { stored: 0, total: 0 };
  const end = piece.offset + piece.length;
  if (end <= stored) return { ...told, kind: "ack", offset: stored };
  if (!holder.isLive) return { ...told, kind: "fenced", offset: stored };
  if (piece.offset > stored) return { ...told, kind: "expect", offset: stored };

  // The facts of a session are its life, and few: they are kept whatever else the attempt wrote.
  const isFacts = stream === "session" && holder.sessionId !== undefined;
  yield* store(holder, piece, stored, !isFacts && total - stored + end > args.maxBytes);
  if (!isFacts || piece.gap !== undefined) return { ...told, kind: "ack", offset: end };
  const session = yield* applyFacts({
    sessionId: holder.sessionId,
    attemptId,
    bytes: piece.bytes.subarray(stored - piece.offset),
    now: args.now,
    runnerId: args.runnerId,
  });
  return { ...told, kind: "ack", offset: end, ...(session && { session }) };
}

function* store(
  holder: Holder,
  piece: OutputPiece,
  stored: number,
  isOverQuota: boolean,
): Generator<Statement, void, unknown> {
  const gap = piece.gap ?? (isOverQuota ? "more output than is kept of one attempt" : null);
  const bytes = gap === null ? piece.bytes.subarray(stored - piece.offset) : new Uint8Array(0);
  const seq = ((yield* get<{ seq: number }>(LAST_SEQ, holder.runId))?.seq ?? 0) + 1;
  const length = piece.offset + piece.length - stored;
  yield* run(
    INSERT_SEGMENT,
    holder.runId,
    seq,
    holder.stepIndex,
    piece.attemptId,
    piece.stream,
    stored,
    length,
    gap,
    bytes,
  );
  yield* run(SET_LENGTH, piece.attemptId, piece.stream, stored + length);
}
