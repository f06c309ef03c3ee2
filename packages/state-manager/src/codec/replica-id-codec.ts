import { isOwnPart, isReplicaId, OWN_PART_BYTES } from "../ids.ts";
import { MalformedBytes, type ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

// An id is asked for in each delta, and there are few.
const MOST_KNOWN = 10_000;
const known = new Map<string, Uint8Array>();

/** The bytes of an id that has no name, otherwise undefined. */
export function ownPartOf(id: string): Uint8Array | undefined {
  let bytes = known.get(id);
  if (bytes) return bytes;
  if (!isOwnPart(id)) return undefined;
  bytes = new Uint8Array(Buffer.from(id, "base64url"));
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(id, bytes);
  return bytes;
}

/** A length and the characters; of an id without a name, 0 and its 8 bytes. */
export function writeReplicaId(out: ByteWriter, id: string): void {
  const own = ownPartOf(id);
  if (own) {
    out.byte(0);
    out.raw(own);
  } else out.string(id, 0, 0);
}

export function readReplicaId(reader: ByteReader): string {
  const head = reader.number();
  if (head === 0) return readOwnPart(reader);
  const id = reader.text(head);
  if (!isReplicaId(id)) throw new MalformedBytes("an id of a replica is none");
  return id;
}

export function readOwnPart(reader: ByteReader): string {
  return Buffer.from(reader.raw(OWN_PART_BYTES)).toString("base64url");
}
