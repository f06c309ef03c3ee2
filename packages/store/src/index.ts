export type { BlobRange, BlobSize, BlobStore, PutBlobOptions } from "./blobs/blob-store.ts";
export { FileBlobStore } from "./blobs/file-blob-store.ts";
export type { FileBlobStoreOptions } from "./blobs/file-blob-store.ts";
export { MemoryBlobStore } from "./blobs/memory-blob-store.ts";
export {
  BlobMismatchError,
  BlobTooLargeError,
  ConstraintViolationError,
  DatabaseTooNewError,
  InvalidBlobNameError,
  OutcomeUnknownError,
  StorageFullError,
  StoreBusyError,
  StoreClosedError,
  StoreError,
  StoreLockedError,
  StoreOpenError,
  UniqueViolationError,
  UnitRefusal,
} from "./errors.ts";
export type { ErrorDetails } from "./errors.ts";
export type { Migration } from "./migration.ts";
export type { Store } from "./store.ts";
export { all, get, run } from "./unit.ts";
export type { ArgsOf, ResultOf, RunResult, SqlValue, Statement, Unit, UnitMap } from "./unit.ts";
