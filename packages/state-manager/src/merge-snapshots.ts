import { decodeState, encodeState } from "./codec/state-codec.ts";
import { joinSegments } from "./crdt/join.ts";
import { Replica } from "./crdt/replica.ts";

/**
 * Merges two snapshots into one that holds what either has. Pure, commutative, associative and idempotent, to the byte. Refuses with an
 * InvalidSnapshotError what is no snapshot.
 */
export function mergeSnapshots(one: Uint8Array, other: Uint8Array): Uint8Array {
  // It writes nothing, so it needs no id.
  const replica = new Replica({ id: "" });
  for (const snapshot of [one, other]) joinSegments(replica, decodeState([snapshot]));
  const [page] = encodeState(replica) as [Uint8Array];
  return page;
}
