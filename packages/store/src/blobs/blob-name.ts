import { InvalidBlobNameError } from "../errors.ts";

const BLOB_NAME = /^[0-9a-f]{64}$/;

/** Refuses every name that is not a SHA-256 in lowercase hex, so that no name can be a path. */
export function requireBlobName(sha256: string): void {
  if (!BLOB_NAME.test(sha256)) throw new InvalidBlobNameError();
}
