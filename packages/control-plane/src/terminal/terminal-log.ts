import {
  findStreamSegment,
  readStreamSegments,
  readStreamLengths,
  type OutputSegmentRow,
  type SignalboxStore,
  type StreamLength,
  type StreamPlace,
} from "@signalbox/store";

import type { TerminalPlace } from "./terminal-places.ts";

/** A part of what a terminal showed: bytes, or a gap that stands for lost ones. Offsets count over all attempts. */
export interface TerminalPart {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly gap?: string;
  /** Nothing of the same attempt can follow: a character that is not finished stays so. */
  readonly isLast: boolean;
  /** Where in the run's output what follows is to be looked for. */
  readonly nextSeq: number;
}

const SEGMENTS_AT_ONCE = 64;

/** What the attempts at a step wrote to their terminals, one after the other, as the store has it. */
export class TerminalLog {
  readonly #store: SignalboxStore;

  constructor(deps: { readonly store: SignalboxStore }) {
    this.#store = deps.store;
  }

  /** The attempts that have written to the terminal, in order. */
  async attempts({ runId, stepIndex }: TerminalPlace): Promise<readonly StreamLength[]> {
    return this.#store.view(() => readStreamLengths(runId, stepIndex, "terminal"));
  }

  /**
   * What is at an offset: at most so many bytes of one attempt, or one gap. Undefined when there is nothing yet. `seq` is
   * what the part before it said, or undefined for a reader that begins.
   */
  async read(
    place: TerminalPlace,
    { offset, seq, maxBytes }: { readonly offset: number; readonly seq: number | undefined; readonly maxBytes: number },
  ): Promise<TerminalPart | undefined> {
    const attempts = await this.attempts(place);
    let base = 0;
    for (const [index, { attemptId, length }] of attempts.entries()) {
      if (offset < base + length) {
        const isNewest = index === attempts.length - 1;
        const within = { runId: place.runId, attemptId, stream: "terminal" as const, offset: offset - base };
        const from = seq ?? (await this.#seqOf({ ...within, length }));
        const rows = await this.#store.view(() => readStreamSegments({ ...within, seq: from }, SEGMENTS_AT_ONCE));
        return partOf(rows, { base, offset, maxBytes, end: isNewest ? undefined : base + length });
      }
      base += length;
    }
    return undefined;
  }

  /** Looked for from the nearer end. */
  async #seqOf(at: StreamPlace & { readonly length: number }): Promise<number> {
    return at.offset < at.length / 2 ? 0 : this.#store.view(() => findStreamSegment(at));
  }
}

/** Joins rows from an offset on, up to a gap. Pure. */
function partOf(
  rows: readonly OutputSegmentRow[],
  {
    base,
    offset,
    maxBytes,
    end,
  }: {
    readonly base: number;
    readonly offset: number;
    readonly maxBytes: number;
    /** Where the attempt ends, if it can write no more. */
    readonly end: number | undefined;
  },
): TerminalPart | undefined {
  const [first] = rows;
  if (!first) return undefined;
  if (first.gap !== null) {
    const length = base + first.start + first.length - offset;
    return { offset, length, bytes: new Uint8Array(0), gap: first.gap, isLast: true, nextSeq: first.seq };
  }
  const pieces: Uint8Array[] = [];
  let [length, nextSeq, isLast] = [0, first.seq, false];
  for (const row of rows) {
    if (row.gap !== null) isLast = true;
    const room = maxBytes - length;
    if (row.gap !== null || room <= 0) break;
    const piece = row.bytes.subarray(offset + length - base - row.start).subarray(0, room);
    pieces.push(piece);
    length += piece.length;
    nextSeq = row.seq;
  }
  const isWhole = isLast ? length < maxBytes : offset + length === end;
  return { offset, length, bytes: Buffer.concat(pieces), isLast: isWhole, nextSeq };
}
