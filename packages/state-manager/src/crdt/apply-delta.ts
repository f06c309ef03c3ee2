import type { Delta, DotName, Operation } from "../codec/delta-codec.ts";
import { ForgedDeltaError, InvalidDeltaError } from "../errors.ts";
import { limit } from "../limits.ts";
import { Dot, findDot } from "./dot.ts";
import type { Replica } from "./replica.ts";
import type { Writer } from "./writer.ts";

/** `gap`: operations before the delta's first are missing here, so it was not applied. `known`: there was nothing new in it. */
export type Applied = "applied" | "known" | "gap";

/**
 * Applies what another replica did. Refuses with a ForgedDeltaError a delta that speaks for this replica beyond what it
 * did itself, and with an InvalidDeltaError one that removes more than can be kept in mind; then nothing was changed.
 */
export function applyDelta(replica: Replica, delta: Delta): Applied {
  refuseForgery(replica, delta);
  const seen = replica.writers.get(delta.writerId)?.seq ?? 0;
  if (delta.to <= seen) return "known";
  if (delta.from > seen) return "gap";
  refuseTooMany(replica, delta);
  const writer = replica.writer(delta.writerId);
  writer.isHeard = true;
  for (const operation of delta.operations) if (operation.seq > seen) apply(replica, writer, operation);
  advance(replica, writer, delta.to);
  return "applied";
}

/** A writer was seen so far; removals that waited for it are done with. */
export function advance(replica: Replica, writer: Writer, seq: number): void {
  const before = writer.early?.size ?? 0;
  writer.advance(seq);
  replica.earlyCount += (writer.early?.size ?? 0) - before;
}

/** Something is gone that has not come yet. */
export function removeEarly(replica: Replica, writer: Writer, seq: number): void {
  const early = (writer.early ??= new Set());
  const before = early.size;
  early.add(seq);
  replica.earlyCount += early.size - before;
}

function apply(replica: Replica, writer: Writer, operation: Operation): void {
  const { seq, kind, key, part, form, main, side, value } = operation;
  const { entries } = replica;
  const home = entries.home(kind, key);
  const before = home.first(part, form);
  // First the new dot, then what it overwrites: so the cell is not empty in between.
  if (operation.hasDot && !writer.early?.has(seq)) entries.link(new Dot(writer, seq, home, part, main, side, value));
  if (before) removeOlder(replica, before, writer);
  for (const name of operation.removed) removeNamed(replica, home.first(part, form), name);
  entries.dropIfEmpty(home);
}

function removeNamed(replica: Replica, first: Dot | undefined, { writerId, seq }: DotName): void {
  const writer = replica.writer(writerId);
  if (seq > writer.seq) return removeEarly(replica, writer, seq);
  const dot = findDot(first, writer, seq);
  if (dot) replica.entries.unlink(dot);
}

/** A writer knows what it wrote itself, so it need not name it. */
function removeOlder(replica: Replica, before: Dot, writer: Writer): void {
  for (let dot: Dot | undefined = before; dot; dot = dot.beside) if (dot.writer === writer) replica.entries.unlink(dot);
}

function refuseForgery({ self }: Replica, { writerId, to, operations }: Delta): void {
  if (writerId === self.id && to > self.seq) {
    throw new ForgedDeltaError(`a delta tells of operation ${to} of this replica, which has made ${self.seq}`);
  }
  for (const { removed } of operations) {
    for (const name of removed) {
      if (name.writerId === self.id && name.seq > self.seq) {
        throw new ForgedDeltaError(`a delta removes operation ${name.seq} of this replica, which has made ${self.seq}`);
      }
    }
  }
}

function refuseTooMany({ earlyCount }: Replica, { operations }: Delta): void {
  let removed = 0;
  for (const operation of operations) removed += operation.removed.length;
  if (earlyCount + removed > limit("delta.earlyRemovals")) {
    throw new InvalidDeltaError(
      `a delta removes more than the ${limit("delta.earlyRemovals")} that can be kept in mind`,
    );
  }
}
