import Database from "better-sqlite3";
import { READER_CACHE_KIB, WRITER_CACHE_KIB } from "./limits.ts";

/** The one connection that writes. Its checkpoints are run by hand, after the callers have their answers. */
export function openWriterConnection(file: string, busyTimeoutMs: number): Database.Database {
  const database = new Database(file, { timeout: busyTimeoutMs });
  try {
    database.pragma("journal_mode = WAL");
    // NORMAL would lose what was acknowledged when the power fails; the library is built with it as its default.
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("temp_store = MEMORY");
    database.pragma(`cache_size = -${WRITER_CACHE_KIB}`);
    database.pragma("wal_autocheckpoint = 0");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A connection that cannot write. It maps no file into memory: there a bad disk is a crash, here it is an error. */
export function openReaderConnection(file: string, busyTimeoutMs: number): Database.Database {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  database.pragma("temp_store = MEMORY");
  database.pragma(`cache_size = -${READER_CACHE_KIB}`);
  return database;
}

/** A database that is gone when it is closed. */
export function openMemoryConnection(): Database.Database {
  const database = new Database(":memory:");
  database.pragma("foreign_keys = ON");
  database.pragma("temp_store = MEMORY");
  return database;
}
