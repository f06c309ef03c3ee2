import type { Dot } from "./dot.ts";

/**
 * The write that a register shows: of those that did not know of each other the one with the latest stamp, of equal
 * stamps the one of the greater replica id. A write that had seen another has overwritten it, whatever their stamps say.
 */
export function winnerOf(first: Dot): Dot {
  let winner = first;
  for (let other = first.beside; other; other = other.beside) if (isLater(other, winner)) winner = other;
  return winner;
}

function isLater(one: Dot, other: Dot): boolean {
  if (one.main !== other.main) return one.main > other.main;
  if (one.writer !== other.writer) return one.writer.id > other.writer.id;
  return one.seq > other.seq;
}
