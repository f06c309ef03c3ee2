import type { OutputPiece } from "@signalbox/store";

/** Facts are read, and done, as they are stored: a byte of them is as much work as so many of words. */
const FACTS_WEIGH = 16;

/** How much work it is to store a piece, in bytes of words. Pure. */
export function weightOf({ stream, bytes }: OutputPiece): number {
  return bytes.length * (stream === "session" ? FACTS_WEIGH : 1);
}

/** Small ones are work by their number. */
const PIECES_AT_ONCE = 64;

/** How many of the first pieces one unit of work takes: as much as `maxBytes` of words would be, and in any case one. Pure. */
export function unitLength(pieces: readonly OutputPiece[], maxBytes: number): number {
  let weight = 0;
  const most = pieces.findIndex((piece, index) => {
    weight += weightOf(piece);
    return index === PIECES_AT_ONCE || (index > 0 && weight > maxBytes);
  });
  return most < 0 ? pieces.length : most;
}

/** A piece as several that are each work for a unit at most. Pure. */
export function dividePiece(piece: OutputPiece, maxBytes: number): OutputPiece[] {
  const most = Math.max(1, Math.floor((piece.bytes.length * maxBytes) / Math.max(1, weightOf(piece))));
  if (piece.gap !== undefined || piece.bytes.length <= most) return [piece];
  return Array.from({ length: Math.ceil(piece.bytes.length / most) }, (_, index) => {
    const bytes = piece.bytes.subarray(index * most, (index + 1) * most);
    return { ...piece, offset: piece.offset + index * most, length: bytes.length, bytes };
  });
}
