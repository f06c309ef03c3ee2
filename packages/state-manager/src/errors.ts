/** What this package can refuse with, and whether the same call can succeed later. */
export const STATE_ERRORS = {
  INVALID_ARGUMENT: { isRetryable: false },
  INVALID_KEY: { isRetryable: false },
  INVALID_VALUE: { isRetryable: false },
  VALUE_TOO_LARGE: { isRetryable: false },
  COUNTER_OVERFLOW: { isRetryable: false },
  STATE_FULL: { isRetryable: true },
  STATE_CLOSED: { isRetryable: false },
  INVALID_DELTA: { isRetryable: false },
  FORGED_DELTA: { isRetryable: false },
  INVALID_SNAPSHOT: { isRetryable: false },
  NO_BUS: { isRetryable: false },
  READ_REFUSED: { isRetryable: false },
  INVALID_ANSWER: { isRetryable: false },
  FILE_LOCKED: { isRetryable: true },
  FILE_CORRUPT: { isRetryable: false },
  FILE_TOO_NEW: { isRetryable: false },
  FILE_NOT_OURS: { isRetryable: false },
  FILE_FAILED: { isRetryable: false },
  STORAGE_FULL: { isRetryable: true },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** The `code` of a `StateError`. */
export type StateErrorCode = keyof typeof STATE_ERRORS;

/** A refusal of this package. Nothing was changed. `code` tells which, `isRetryable` whether the same call can succeed later. */
export abstract class StateError extends Error {
  readonly code: StateErrorCode;
  readonly isRetryable: boolean;

  constructor(code: StateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.isRetryable = STATE_ERRORS[code].isRetryable;
  }
}

/** A plugin id, an option or an amount that cannot be. */
export class InvalidArgumentError extends StateError {
  override readonly name = "InvalidArgumentError";

  constructor(message: string) {
    super("INVALID_ARGUMENT", message);
  }
}

/** A key that is no string, empty, too long, or holds half a character. */
export class InvalidKeyError extends StateError {
  override readonly name = "InvalidKeyError";

  constructor(message: string) {
    super("INVALID_KEY", message);
  }
}

/** A value that is not JSON data: the message names the place. */
export class InvalidValueError extends StateError {
  override readonly name = "InvalidValueError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_VALUE", message, options);
  }
}

/** A value whose JSON is longer than `value.bytes`. */
export class ValueTooLargeError extends StateError {
  override readonly name = "ValueTooLargeError";

  constructor(mostBytes: number) {
    super("VALUE_TOO_LARGE", `a value has at most ${mostBytes} bytes as JSON`);
  }
}

/** A count that would leave the whole numbers that JavaScript can tell apart. */
export class CounterOverflowError extends StateError {
  override readonly name = "CounterOverflowError";

  constructor(key: string) {
    super("COUNTER_OVERFLOW", `counter ${key} would leave ±${Number.MAX_SAFE_INTEGER}`);
  }
}

/** The state holds as many entries as it may. Reads and removals go on. */
export class StateFullError extends StateError {
  override readonly name = "StateFullError";

  constructor(most: number) {
    super("STATE_FULL", `the state holds ${most} entries, which is the limit`);
  }
}

/** The state manager was closed. */
export class StateClosedError extends StateError {
  override readonly name = "StateClosedError";

  constructor(pluginId: string) {
    super("STATE_CLOSED", `the state of plugin ${pluginId} was closed here`);
  }
}

/** Bytes that are no delta, or one of a newer format. */
export class InvalidDeltaError extends StateError {
  override readonly name = "InvalidDeltaError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_DELTA", message, options);
  }
}

/** A delta or snapshot that speaks for a replica which did not say so. */
export class ForgedDeltaError extends StateError {
  override readonly name = "ForgedDeltaError";

  constructor(message: string) {
    super("FORGED_DELTA", message);
  }
}

/** Bytes that are no snapshot, are damaged, or of a newer format. */
export class InvalidSnapshotError extends StateError {
  override readonly name = "InvalidSnapshotError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_SNAPSHOT", message, options);
  }
}

/** `importState` of a state manager that was made without a bus. */
export class NoBusError extends StateError {
  override readonly name = "NoBusError";

  constructor() {
    super("NO_BUS", "this state manager was made with { bus: false }, so it reaches no other plugin");
  }
}

/** The other plugin exports this key to others only. */
export class ReadRefusedError extends StateError {
  override readonly name = "ReadRefusedError";

  constructor(pluginId: string, key: string) {
    super("READ_REFUSED", `plugin ${pluginId} does not export ${JSON.stringify(key)} to this plugin`);
  }
}

/** What answered for another plugin's state is no state manager, or one of another version. */
export class InvalidAnswerError extends StateError {
  override readonly name = "InvalidAnswerError";

  constructor(pluginId: string) {
    super("INVALID_ANSWER", `what plugin ${pluginId} answered is no answer of a state manager`);
  }
}

/** A file that keeps state cannot be opened or written. `path` is the file. */
export abstract class StateFileError extends StateError {
  readonly path: string;

  constructor(code: StateErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.path = path;
  }
}

/** Another state manager, here or in another process, has the file open. */
export class StateFileLockedError extends StateFileError {
  override readonly name = "StateFileLockedError";

  constructor(path: string, options?: ErrorOptions) {
    super("FILE_LOCKED", path, `${path} is in use by another state manager`, options);
  }
}

/** The file is damaged. It is left as it is. */
export class StateFileCorruptError extends StateFileError {
  override readonly name = "StateFileCorruptError";

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super("FILE_CORRUPT", path, `${path} is damaged: ${reason}; it was left as it is`, options);
  }
}

/** The file was written by a newer version of this package. It is left as it is. */
export class StateFileTooNewError extends StateFileError {
  override readonly name = "StateFileTooNewError";

  constructor(path: string, version: number, known: number) {
    super("FILE_TOO_NEW", path, `${path} is of format ${version}, this package knows up to ${known}`);
  }
}

/** The file belongs to something else, or to another plugin. It is left as it is. */
export class StateFileNotOursError extends StateFileError {
  override readonly name = "StateFileNotOursError";

  constructor(path: string, reason: string) {
    super("FILE_NOT_OURS", path, `${path} ${reason}; it was left as it is`);
  }
}

/** The file cannot be opened or failed for good: what was not flushed by then is in memory only. */
export class StateFileFailedError extends StateFileError {
  override readonly name = "StateFileFailedError";

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super("FILE_FAILED", path, `${path}: ${reason}`, options);
  }
}

/** The disk is full, over quota or read-only. What was not stored waits in memory for the next try. */
export class StorageFullError extends StateFileError {
  override readonly name = "StorageFullError";

  constructor(path: string, options?: ErrorOptions) {
    super("STORAGE_FULL", path, `${path} cannot be written: the disk is full, over quota or read-only`, options);
  }
}
