import type { BlobStore } from "@signalbox/store";

import { NotFoundError } from "../errors.ts";

/** Bytes with what a download needs. */
export interface Content {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The bytes, or those from `start` to `end`, both included. */
  open(range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
}

/** The bytes behind a file; refused as absent when retention has taken them. */
export async function contentOf(
  blobs: BlobStore,
  file: { readonly path: string; readonly bytes: number; readonly sha256: string },
): Promise<Content> {
  if ((await blobs.size(file.sha256)) === undefined) throw new NotFoundError("file", file.path);
  return {
    path: file.path,
    bytes: file.bytes,
    sha256: file.sha256,
    open: (range) => openBlob(blobs, file.sha256, range),
  };
}

async function* openBlob(
  blobs: BlobStore,
  sha256: string,
  range?: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  const source = await blobs.get(sha256, range);
  if (!source) throw new NotFoundError("file", sha256);
  yield* source;
}
