import Database from "better-sqlite3";
import { ConstraintViolationError, UniqueViolationError } from "../errors.ts";
import type { UnitRefusal } from "../errors.ts";

/** An error that SQLite reports, with a `code` such as `SQLITE_FULL`. */
export type SqliteError = InstanceType<typeof Database.SqliteError>;

/** What an error says about the store: nothing (the unit is to blame), no room, held by others, or broken. */
export type StorageTrouble = "none" | "full" | "busy" | "broken";

const TROUBLE_OF_CODE: readonly (readonly [prefix: string, trouble: StorageTrouble])[] = [
  ["SQLITE_FULL", "full"],
  ["SQLITE_READONLY", "full"],
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_IOERR", "broken"],
  ["SQLITE_CORRUPT", "broken"],
  ["SQLITE_NOTADB", "broken"],
  ["SQLITE_CANTOPEN", "broken"],
  ["SQLITE_NOMEM", "broken"],
  ["SQLITE_PROTOCOL", "broken"],
];

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Database.SqliteError;
}

/** What an error says about the store. */
export function troubleOf(error: unknown): StorageTrouble {
  if (!isSqliteError(error)) return "none";
  return TROUBLE_OF_CODE.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? "none";
}

/** A broken constraint as a refusal; every other error as it is. */
export function toRefusal(error: unknown): unknown {
  if (!isSqliteError(error) || !error.code.startsWith("SQLITE_CONSTRAINT")) return error;
  return constraintRefusal(error);
}

function constraintRefusal(error: SqliteError): UnitRefusal {
  const [, subject = ""] = error.message.split(" failed: ");
  if (error.code === "SQLITE_CONSTRAINT_UNIQUE" || error.code === "SQLITE_CONSTRAINT_PRIMARYKEY") {
    return new UniqueViolationError(`a row with this ${subject || "key"} exists`, { columns: subject.split(", ") });
  }
  return new ConstraintViolationError(error.message, { constraint: error.code.replace("SQLITE_CONSTRAINT_", "") });
}
