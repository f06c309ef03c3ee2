import { Readable } from "node:stream";
import { requireBlobName } from "./blob-name.ts";
import type { BlobRange, BlobSize, BlobStore, PutBlobOptions } from "./blob-store.ts";
import { checkBytes } from "./checked-bytes.ts";

/** Blobs in memory, for stores that keep nothing. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, Buffer>();

  async put(sha256: string, source: AsyncIterable<Uint8Array>, { maxBytes }: PutBlobOptions): Promise<BlobSize> {
    requireBlobName(sha256);
    const chunks: Uint8Array[] = [];
    const size = await checkBytes(sha256, source, maxBytes, (chunk) => void chunks.push(Buffer.from(chunk)));
    this.#blobs.set(sha256, Buffer.concat(chunks));
    return { size };
  }

  async get(sha256: string, { start = 0, end = Infinity }: BlobRange = {}): Promise<Readable | undefined> {
    requireBlobName(sha256);
    const bytes = this.#blobs.get(sha256)?.subarray(start, end + 1);
    return bytes && Readable.from(bytes.length > 0 ? [bytes] : []);
  }

  async has(sha256s: readonly string[]): Promise<Set<string>> {
    sha256s.forEach(requireBlobName);
    return new Set(sha256s.filter((sha256) => this.#blobs.has(sha256)));
  }

  async size(sha256: string): Promise<number | undefined> {
    requireBlobName(sha256);
    return this.#blobs.get(sha256)?.length;
  }

  async delete(sha256: string): Promise<boolean> {
    requireBlobName(sha256);
    return this.#blobs.delete(sha256);
  }

  async *list(): AsyncIterable<string> {
    yield* this.#blobs.keys();
  }

  /** Nothing is ever left behind in memory. */
  async sweep(): Promise<number> {
    return 0;
  }
}
