import type { Versions } from "../codec/versions-codec.ts";
import type { Replica } from "../crdt/replica.ts";
import { birthOf } from "../ids.ts";
import { limit } from "../limits.ts";

const DAY_MS = 86_400_000;

/** What each of two replicas has that the other has not. */
export interface Comparison {
  readonly weLack: boolean;
  readonly theyLack: boolean;
}

/**
 * Compares what we have seen with what another replica has. A writer that one of the two does not know and that is old may have been
 * forgotten there, so it counts for neither: what is left of it shows in the digests.
 */
export function compareVersions(replica: Replica, theirs: Versions, nowMs: number): Comparison {
  let weLack = false;
  let theyLack = false;
  for (const [id, seq] of theirs) {
    const writer = replica.writers.get(id);
    if (seq > (writer?.seq ?? 0) && (writer || !isOld(id, nowMs))) weLack = true;
  }
  for (const { id, seq } of replica.writers.values()) {
    if (seq > (theirs.get(id) ?? 0) && (theirs.has(id) || !isOld(id, nowMs))) theyLack = true;
  }
  return { weLack, theyLack };
}

/** Whether a replica was born so long ago that it is forgotten once nothing is left of it. */
export function isOld(replicaId: string, nowMs: number): boolean {
  return birthOf(replicaId) < nowMs - limit("writer.keptDays") * DAY_MS;
}

/**
 * Forgets the writers that are gone: born long ago, not heard in this life, and nothing left of them. Otherwise each life of each
 * replica would take its place in every version vector for ever.
 */
export function forgetOldWriters(replica: Replica, nowMs: number): void {
  for (const writer of replica.writers.values()) {
    if (writer === replica.self || writer.isHeard || writer.oldest || writer.early) continue;
    if (isOld(writer.id, nowMs)) replica.writers.delete(writer.id);
  }
}
