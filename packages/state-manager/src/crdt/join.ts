import type { DotName } from "../codec/delta-codec.ts";
import { ForgedDeltaError, InvalidSnapshotError } from "../errors.ts";
import { limit } from "../limits.ts";
import { advance, removeEarly } from "./apply-delta.ts";
import { Dot } from "./dot.ts";
import type { Replica } from "./replica.ts";
import type { Segment, SegmentDot, StateParts } from "./segment.ts";
import type { Writer } from "./writer.ts";

/**
 * Joins the state of another replica into this one: a dot stays where both have it, or where the side that lacks it has not
 * seen its operation (Almeida, Shoker and Baquero, 2018, "Delta state replicated data types"). Joining is commutative,
 * associative and idempotent. Refuses with a ForgedDeltaError what speaks for this replica beyond what it did, and with an
 * InvalidSnapshotError segments that do not begin where ours end; then nothing was changed.
 */
export function joinSegments(replica: Replica, { segments, early }: StateParts): void {
  refuseWrongParts(replica, segments, early);
  for (const segment of segments) joinSegment(replica, segment);
  for (const name of early) joinEarly(replica, name);
}

function joinSegment(replica: Replica, segment: Segment): void {
  const { from, to, dots } = segment;
  const writer = replica.writer(segment.writerId);
  const { seq: seen } = writer;
  const isNew = (dot: SegmentDot) => dot.seq > seen;
  const firstNew = isNew(dots[0] ?? NONE) ? 0 : dots.findIndex(isNew);
  removeMissing(replica, writer, { from, to: Math.min(to, seen), dots });
  if (firstNew >= 0)
    for (let index = firstNew; index < dots.length; index++) addDot(replica, writer, dots[index] ?? NONE);
  advance(replica, writer, to);
}

const NONE: SegmentDot = { seq: 0, entry: undefined };

/** Removes our dots of the range that the other side has seen and does not have. Both lists are in order. */
function removeMissing(
  replica: Replica,
  writer: Writer,
  { from, to, dots }: Pick<Segment, "from" | "to" | "dots">,
): void {
  let next: Dot | undefined;
  let index = 0;
  for (let ours = writer.oldest; ours && ours.seq <= to; ours = next) {
    next = ours.newer;
    if (ours.seq <= from) continue;
    while ((dots[index]?.seq ?? Infinity) < ours.seq) index++;
    if (dots[index]?.seq !== ours.seq) replica.entries.unlink(ours);
  }
}

function addDot(replica: Replica, writer: Writer, { seq, entry }: SegmentDot): void {
  if (!entry || writer.early?.has(seq)) return;
  const { kind, key, part, main, side, value } = entry;
  replica.entries.link(new Dot(writer, seq, replica.entries.home(kind, key), part, main, side, value));
}

function joinEarly(replica: Replica, { writerId, seq }: DotName): void {
  const writer = replica.writer(writerId);
  if (seq > writer.seq) return removeEarly(replica, writer, seq);
  for (let dot = writer.newest; dot && dot.seq >= seq; dot = dot.older) {
    if (dot.seq === seq) return replica.entries.unlink(dot);
  }
}

function refuseWrongParts(
  { self, writers, earlyCount }: Replica,
  segments: readonly Segment[],
  early: readonly DotName[],
): void {
  const ends = new Map<string, number>();
  for (const { writerId, from, to, dots } of segments) {
    if (writerId === self.id && to > self.seq) throw forged(to, self.seq);
    refuseMissingEntries(dots, writers.get(writerId)?.seq ?? 0);
    const end = Math.max(ends.get(writerId) ?? 0, writers.get(writerId)?.seq ?? 0);
    if (from > end)
      throw new InvalidSnapshotError(`operations of replica ${writerId} between ${end} and ${from} are missing`);
    ends.set(writerId, Math.max(end, to));
  }
  if (early.some(({ writerId, seq }) => writerId === self.id && seq > self.seq)) throw forged(self.seq + 1, self.seq);
  if (earlyCount + early.length > limit("delta.earlyRemovals")) {
    throw new InvalidSnapshotError(`it removes more than the ${limit("delta.earlyRemovals")} that can be kept in mind`);
  }
}

/** An entry may be left out only where we have seen its operation. */
function refuseMissingEntries(dots: readonly SegmentDot[], seen: number): void {
  for (let index = dots.length - 1; index >= 0; index--) {
    const { seq, entry } = dots[index] ?? NONE;
    if (seq <= seen) return;
    if (!entry) throw new InvalidSnapshotError(`what operation ${seq} wrote is missing`);
  }
}

function forged(told: number, made: number): ForgedDeltaError {
  return new ForgedDeltaError(`a state tells of operation ${told} of this replica, which has made ${made}`);
}
