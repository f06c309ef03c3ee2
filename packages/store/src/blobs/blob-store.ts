import type { Readable } from "node:stream";

/** Immutable bytes under their SHA-256, in 64 lowercase hex digits. Any other name is an `InvalidBlobNameError`. */
export interface BlobStore {
  /**
   * Stores what `source` yields; resolves when it is durable. The bytes are always read and hashed to their end, also
   * when the blob is there already, so that a put proves that the caller has them.
   *
   * Rejects with `BlobMismatchError` when they hash to something else, `BlobTooLargeError` beyond `maxBytes`, and
   * `StorageFullError` when there is no room; none of these leaves anything behind.
   */
  put(sha256: string, source: AsyncIterable<Uint8Array>, options: PutBlobOptions): Promise<BlobSize>;

  /** The bytes, or those of a range; `undefined` when there is no such blob. */
  get(sha256: string, range?: BlobRange): Promise<Readable | undefined>;

  /** Which of these blobs there are. */
  has(sha256s: readonly string[]): Promise<Set<string>>;

  /** The length in bytes; `undefined` when there is no such blob. */
  size(sha256: string): Promise<number | undefined>;

  /** Removes a blob; says whether it was there. */
  delete(sha256: string): Promise<boolean>;

  /** The names of all blobs, in no order. */
  list(): AsyncIterable<string>;

  /** Removes what puts that never ended left behind more than `olderThanMs` ago; says how many. */
  sweep(olderThanMs: number): Promise<number>;
}

export interface PutBlobOptions {
  /** The most bytes to take. */
  readonly maxBytes: number;
}

export interface BlobSize {
  /** In bytes. */
  readonly size: number;
}

/** Both ends included, as in an HTTP range; default from the first byte to the last. */
export interface BlobRange {
  readonly start?: number;
  readonly end?: number;
}
