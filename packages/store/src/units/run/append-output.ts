import type { OutputStream } from "@signalbox/protocol";

import type { AttemptRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";

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
}

export interface AppendOutputArgs {
  readonly runnerId: string;
  readonly pieces: readonly OutputPiece[];
  /** Bytes kept of one attempt; a piece that would go beyond is stored as a gap. */
  readonly maxBytes: number;
}

type Holder = Pick<AttemptRow, "run_id" | "step_idx" | "epoch" | "runner_id" | "state">;

/** Bytes of one stream of an attempt, and of all its streams together. */
interface Lengths {
  readonly stored: number;
  readonly total: number;
}

const SELECT_HOLDER = "SELECT run_id, step_idx, epoch, runner_id, state FROM attempts WHERE id = ?";
const SELECT_LENGTHS = `SELECT COALESCE(SUM(CASE WHEN stream = ? THEN length END), 0) AS stored, COALESCE(SUM(length), 0) AS total
  FROM output_streams WHERE attempt_id = (SELECT ?)`;
const SET_LENGTH = `INSERT INTO output_streams (attempt_id, stream, length) VALUES (?, ?, ?)
  ON CONFLICT (attempt_id, stream) DO UPDATE SET length = excluded.length`;
const NEXT_SEQ = "SELECT COALESCE(MAX(seq), 0) + 1 AS seq FROM output_segments WHERE run_id = ?";
const INSERT_SEGMENT = `INSERT INTO output_segments (run_id, seq, step_idx, attempt_id, stream, start, length, gap, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Appends pieces in order, each once: what is there already is acknowledged again, what leaves a hole is sent back. */
export function* appendOutput(args: AppendOutputArgs): Generator<Statement, OutputVerdict[], unknown> {
  const verdicts: OutputVerdict[] = [];
  for (const piece of args.pieces) verdicts.push(yield* appendPiece(piece, args));
  return verdicts;
}

function* appendPiece(piece: OutputPiece, args: AppendOutputArgs): Generator<Statement, OutputVerdict, unknown> {
  const { attemptId, epoch, stream } = piece;
  const holder = yield* get<Holder>(SELECT_HOLDER, attemptId);
  const told = { attemptId, epoch, stream, runId: holder?.run_id ?? "" };
  const isLive = holder?.state === "leased" || holder?.state === "running";
  if (!holder || holder.epoch !== epoch || holder.runner_id !== args.runnerId) return { ...told, kind: "fenced", offset: 0 };

  const { stored, total } = (yield* get<Lengths>(SELECT_LENGTHS, stream, attemptId)) ?? { stored: 0, total: 0 };
  const end = piece.offset + piece.length;
  if (end <= stored) return { ...told, kind: "ack", offset: stored };
  if (!isLive) return { ...told, kind: "fenced", offset: stored };
  if (piece.offset > stored) return { ...told, kind: "expect", offset: stored };

  yield* store(holder, piece, stored, total - stored + end > args.maxBytes);
  return { ...told, kind: "ack", offset: end };
}

function* store(holder: Holder, piece: OutputPiece, stored: number, isOverQuota: boolean): Generator<Statement, void, unknown> {
  const gap = piece.gap ?? (isOverQuota ? "more output than is kept of one attempt" : null);
  const bytes = gap === null ? piece.bytes.subarray(stored - piece.offset) : new Uint8Array(0);
  const seq = (yield* get<{ seq: number }>(NEXT_SEQ, holder.run_id))?.seq ?? 1;
  const length = piece.offset + piece.length - stored;
  yield* run(INSERT_SEGMENT, holder.run_id, seq, holder.step_idx, piece.attemptId, piece.stream, stored, length, gap, bytes);
  yield* run(SET_LENGTH, piece.attemptId, piece.stream, stored + length);
}
