import { createHash } from "node:crypto";
import { BlobMismatchError, BlobTooLargeError } from "../errors.ts";

/**
 * Hands a blob's bytes to `take`, chunk by chunk, while it counts and hashes them; returns their number. Throws
 * `BlobTooLargeError` as soon as there are too many, and `BlobMismatchError` at the end when the hash is another.
 */
export async function checkBytes(
  sha256: string,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  take: (chunk: Uint8Array) => Promise<void> | void,
): Promise<number> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new BlobTooLargeError(sha256, maxBytes);
    hash.update(chunk);
    await take(chunk);
  }
  const actual = hash.digest("hex");
  if (actual !== sha256) throw new BlobMismatchError(sha256, actual);
  return size;
}
