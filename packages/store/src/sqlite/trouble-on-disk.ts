import { openSync, closeSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isSqliteError, troubleOf } from "./sqlite-error.ts";
import type { StorageTrouble } from "./sqlite-error.ts";

const NO_ROOM = ["ENOSPC", "EDQUOT", "EROFS"];
const PROBE_BYTES = 64 * 1024;

/**
 * What an error says about the store, after a look at the disk: SQLite knows a full disk, but reports a used-up quota
 * and a file system that became read-only as a failed write, like a broken disk.
 */
export function troubleOnDisk(error: unknown, directory: string): StorageTrouble {
  const isFailedWrite = isSqliteError(error) && error.code === "SQLITE_IOERR_WRITE";
  return isFailedWrite && hasNoRoom(directory) ? "full" : troubleOf(error);
}

function hasNoRoom(directory: string): boolean {
  const probe = join(directory, "probe.tmp");
  try {
    const file = openSync(probe, "w", 0o600);
    writeSync(file, Buffer.alloc(PROBE_BYTES));
    closeSync(file);
    return false;
  } catch (error) {
    return NO_ROOM.includes((error as NodeJS.ErrnoException).code ?? "");
  } finally {
    rmSync(probe, { force: true });
  }
}
