import Database from "better-sqlite3";

import {
  StateError,
  StateFileCorruptError,
  StateFileFailedError,
  StateFileLockedError,
  StateFileNotOursError,
  StorageFullError,
} from "../errors.ts";

type MakeError = (path: string, reason: string, options: ErrorOptions) => StateError;

const BY_CODE: readonly (readonly [prefix: string, make: MakeError])[] = [
  ["SQLITE_BUSY", (path, _, options) => new StateFileLockedError(path, options)],
  ["SQLITE_LOCKED", (path, _, options) => new StateFileLockedError(path, options)],
  ["SQLITE_FULL", (path, _, options) => new StorageFullError(path, options)],
  ["SQLITE_READONLY", (path, _, options) => new StorageFullError(path, options)],
  ["SQLITE_CORRUPT", (path, reason, options) => new StateFileCorruptError(path, reason, options)],
  ["SQLITE_NOTADB", (path) => new StateFileNotOursError(path, "is no state file")],
];

/** What SQLite or the operating system reports, as an error of this package; others as they are. */
export function toFileError(error: unknown, path: string): unknown {
  if (error instanceof StateError || !(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  if (typeof code !== "string") return error;
  const make = BY_CODE.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (make) return make(path, error.message, { cause: error });
  const isOfTheFile = error instanceof Database.SqliteError || "syscall" in error;
  return isOfTheFile ? new StateFileFailedError(path, error.message, { cause: error }) : error;
}
