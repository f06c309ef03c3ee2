import Database from "better-sqlite3";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { StoreLockedError } from "../errors.ts";
import { createPrivateFile } from "./data-directory.ts";
import type { DataDirectory } from "./data-directory.ts";
import { troubleOf } from "./sqlite-error.ts";

/**
 * Holds a data folder for this process. The lock is the operating system's, taken by SQLite on a small database of
 * its own, so it is free the moment that its holder ends, however it ends. Never open or read the lock file by other
 * means: closing any handle on a file drops the locks that the process has on it.
 */
export class OwnerLock implements Disposable {
  readonly #database: Database.Database;
  readonly #ownerFile: string;

  private constructor(database: Database.Database, ownerFile: string) {
    this.#database = database;
    this.#ownerFile = ownerFile;
  }

  /** Refuses with `StoreLockedError` at once when another store, here or in another process, has the folder. */
  static acquire(directory: DataDirectory): OwnerLock {
    createPrivateFile(directory.lockFile);
    const database = new Database(directory.lockFile, { timeout: 0 });
    try {
      database.pragma("journal_mode = MEMORY");
      database.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      database.close();
      throw troubleOf(error) === "busy" ? lockedError(directory) : error;
    }
    writeFileSync(directory.ownerFile, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
    return new OwnerLock(database, directory.ownerFile);
  }

  [Symbol.dispose](): void {
    rmSync(this.#ownerFile, { force: true });
    this.#database.close();
  }
}

function lockedError({ path, ownerFile }: DataDirectory): StoreLockedError {
  const pid = readOwner(ownerFile);
  return new StoreLockedError(`${path} is in use by ${pid ? `process ${pid}` : "another process"}`, { path, pid });
}

/** Only for the message: the lock is what counts. */
function readOwner(ownerFile: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(ownerFile, "utf8")) as { pid?: number }).pid;
  } catch {
    return undefined;
  }
}
