/** What an error of the store says beside its message: plain data that can cross threads and sockets. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * A refusal: the unit looked and said no, and nothing of it was stored. Units throw this or a child of it; `code` and
 * `details` reach the caller as they were.
 */
export class UnitRefusal extends Error {
  override readonly name: string = "UnitRefusal";
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A statement met a constraint of the schema: a value that must be there is missing, or a row that it points to. */
export class ConstraintViolationError extends UnitRefusal {
  override readonly name: string = "ConstraintViolationError";

  constructor(message: string, details: ErrorDetails = {}) {
    super("CONSTRAINT_VIOLATION", message, details);
  }
}

/** A row with the same key is there already; `details.columns` names the columns as `table.column`. */
export class UniqueViolationError extends UnitRefusal {
  override readonly name = "UniqueViolationError";

  constructor(message: string, details: ErrorDetails = {}) {
    super("UNIQUE_VIOLATION", message, details);
  }
}

/** The store itself could not do what was asked. `isRetryable` says whether the same call can succeed later. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly code: string;
  readonly details: ErrorDetails;
  readonly isRetryable: boolean = false;

  constructor(code: string, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** More work waits than the store takes, or another program holds the database. Nothing was stored. */
export class StoreBusyError extends StoreError {
  override readonly name = "StoreBusyError";
  override readonly isRetryable = true;

  constructor(message: string, details: ErrorDetails = {}) {
    super("BUSY", message, details);
  }
}

/** The disk is full, over quota or read-only. Nothing was stored; reads go on, and writes do when there is room. */
export class StorageFullError extends StoreError {
  override readonly name = "StorageFullError";
  override readonly isRetryable = true;

  constructor(message: string, details: ErrorDetails = {}) {
    super("STORAGE_FULL", message, details);
  }
}

/** The store failed while it worked: the effects may be there or not. Repeat with the same idempotency key. */
export class OutcomeUnknownError extends StoreError {
  override readonly name = "OutcomeUnknownError";
  override readonly isRetryable = true;

  constructor(message: string, details: ErrorDetails = {}) {
    super("OUTCOME_UNKNOWN", message, details);
  }
}

/** The store is closing, closed, or has failed for good. Nothing was stored. */
export class StoreClosedError extends StoreError {
  override readonly name = "StoreClosedError";
  override readonly isRetryable = true;

  constructor(message: string, details: ErrorDetails = {}) {
    super("SHUTTING_DOWN", message, details);
  }
}

/** The store cannot be opened, for the reason that the message gives. */
export class StoreOpenError extends StoreError {
  override readonly name: string = "StoreOpenError";

  constructor(message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super("STORE_OPEN_FAILED", message, details, options);
  }
}

/** Another live process (or another store of this one) has the data folder open. */
export class StoreLockedError extends StoreOpenError {
  override readonly name = "StoreLockedError";
}

/** The database was migrated by a newer version of the program than this one. */
export class DatabaseTooNewError extends StoreOpenError {
  override readonly name = "DatabaseTooNewError";
}

/** A blob's bytes do not have the hash that names them. Nothing was kept. */
export class BlobMismatchError extends StoreError {
  override readonly name = "BlobMismatchError";

  constructor(expected: string, actual: string) {
    super("BLOB_MISMATCH", `the bytes hash to ${actual}, not to ${expected}`, { expected, actual });
  }
}

/** A blob has more bytes than the caller allows. Nothing was kept. */
export class BlobTooLargeError extends StoreError {
  override readonly name = "BlobTooLargeError";

  constructor(sha256: string, maxBytes: number) {
    super("BODY_TOO_LARGE", `the blob ${sha256} is larger than ${maxBytes} bytes`, { sha256, maxBytes });
  }
}

/** A blob's name is not 64 lowercase hex digits. */
export class InvalidBlobNameError extends StoreError {
  override readonly name = "InvalidBlobNameError";

  constructor() {
    super("VALIDATION_ERROR", "a blob is named by its SHA-256: 64 lowercase hex digits");
  }
}
