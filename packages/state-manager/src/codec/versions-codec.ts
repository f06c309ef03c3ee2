import type { Replica } from "../crdt/replica.ts";
import { InvalidDeltaError } from "../errors.ts";
import { ByteReader, MalformedBytes } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { readReplicaId, writeReplicaId } from "./replica-id-codec.ts";

/** How far a replica has seen the operations of each writer: a version vector. */
export type Versions = ReadonlyMap<string, number>;

const FORMAT = 0x30;

export function versionsOf({ writers }: Replica): Versions {
  const versions = new Map<string, number>();
  for (const { id, seq } of writers.values()) if (seq > 0) versions.set(id, seq);
  return versions;
}

export function encodeVersions(versions: Versions): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  for (const [id, seq] of versions) {
    writeReplicaId(out, id);
    out.number(seq);
  }
  return out.take();
}

/** Refuses with an InvalidDeltaError what is no version vector. */
export function decodeVersions(bytes: Uint8Array): Versions {
  try {
    const reader = new ByteReader(bytes);
    if (reader.byte() !== FORMAT) throw new MalformedBytes("it is of another format");
    const versions = new Map<string, number>();
    while (!reader.isAtEnd) versions.set(readReplicaId(reader), reader.number());
    return versions;
  } catch (error) {
    if (error instanceof MalformedBytes) throw new InvalidDeltaError(`this is no version vector: ${error.message}`);
    throw error;
  }
}
