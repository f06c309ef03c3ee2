import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { StoreOpenError } from "../errors.ts";

/** Where a store keeps what: all paths are absolute. */
export interface DataDirectory {
  readonly path: string;
  readonly databaseFile: string;
  readonly walFile: string;
  readonly lockFile: string;
  readonly ownerFile: string;
  readonly reserveFile: string;
  readonly blobs: string;
}

/** The database in a data folder. */
export const DATABASE_NAME = "signalbox.db";

/**
 * Makes the folder of a store, open to its owner only. An existing folder is closed to others when it is empty or a
 * store's already; any other that is open to others is refused, so that no one's folder changes by a slip of a path.
 */
export function openDataDirectory(path: string): DataDirectory {
  const directory = describeDataDirectory(path);
  const firstMade = mkdirSync(directory.path, { recursive: true, mode: 0o700 });
  if (firstMade !== undefined) makeNamesDurable(dirname(firstMade), directory.path);
  if ((statSync(directory.path).mode & 0o077) !== 0) closeToOthers(directory.path);
  return directory;
}

/** Makes a file that only its owner can read, unless it is there. An existing file is never opened: see `OwnerLock`. */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function describeDataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  return {
    path: root,
    databaseFile: join(root, DATABASE_NAME),
    walFile: join(root, `${DATABASE_NAME}-wal`),
    lockFile: join(root, "signalbox.lock"),
    ownerFile: join(root, "owner.json"),
    reserveFile: join(root, "reserve"),
    blobs: join(root, "blobs"),
  };
}

/** A new folder survives a power cut only when the folder above it was synced. */
function makeNamesDurable(from: string, to: string): void {
  for (let path = dirname(to); path.length >= from.length; path = dirname(path)) {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
    if (path === dirname(path)) return;
  }
}

function closeToOthers(path: string): void {
  const names = readdirSync(path);
  if (names.length > 0 && !names.includes(DATABASE_NAME)) {
    throw new StoreOpenError(`the folder ${path} is open to other users and holds other things; choose another`, {
      path,
    });
  }
  chmodSync(path, 0o700);
}
