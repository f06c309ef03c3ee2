import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import type Database from "better-sqlite3";

import { FileBlobStore } from "../blobs/file-blob-store.ts";
import { DatabaseTooNewError, StoreOpenError } from "../errors.ts";
import { migrations } from "../migrations/index.ts";
import { verifyStore, type VerifyOptions, type VerifyReport } from "../verify/verify-store.ts";
import { openReaderConnection } from "./connection.ts";
import { DATABASE_NAME } from "./data-directory.ts";
import { DEFAULT_BUSY_TIMEOUT_MS } from "./limits.ts";
import { Reader } from "./reader.ts";

/**
 * Checks the store in a data folder: the pages of the database first, then all that `verifyStore` checks. It reads
 * only, takes no lock that a server holds, and may run beside one. Refuses a folder without a database, and one that
 * another version of the program has migrated.
 */
export async function verifyDataDir(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const databaseFile = join(resolve(path), DATABASE_NAME);
  if (!existsSync(databaseFile)) throw new StoreOpenError(`there is no database in ${resolve(path)}`, { path });
  const database = openReaderConnection(databaseFile, DEFAULT_BUSY_TIMEOUT_MS);
  const reader = new Reader(database);
  try {
    requireKnownSchema(database);
    const damage = damagedPages(database);
    if (damage.length > 0) return unreadable(damage);
    const blobs = new FileBlobStore({ directory: join(resolve(path), "blobs") });
    return await verifyStore({ blobs, view: async (queries) => reader.view(queries) }, options);
  } finally {
    reader.close();
  }
}

function requireKnownSchema(database: Database.Database): void {
  const row = database
    .prepare<[], { version: number | null }>("SELECT MAX(id) AS version FROM schema_migrations")
    .get();
  const details = { databaseVersion: row?.version ?? 0, programVersion: migrations.length };
  if (details.databaseVersion > migrations.length) {
    throw new DatabaseTooNewError(
      `the database is at version ${details.databaseVersion}, this program knows up to ${migrations.length}`,
      details,
    );
  }
  if (details.databaseVersion < migrations.length) {
    throw new StoreOpenError(
      `the database is at version ${details.databaseVersion}; start the server once to bring it to ${migrations.length}`,
      details,
    );
  }
}

function damagedPages(database: Database.Database): string[] {
  const rows = database.pragma("quick_check(20)") as { quick_check: string }[];
  return rows.map((row) => row.quick_check).filter((line) => line !== "ok");
}

/** Rows of damaged pages prove nothing, so nothing else is looked at. */
function unreadable(damage: readonly string[]): VerifyReport {
  const problems = damage.map((message) => ({ kind: "database" as const, stream: "", message }));
  return {
    runs: 0,
    runners: 0,
    plugins: 0,
    sessions: 0,
    webhooks: 0,
    events: 0,
    problemCount: problems.length,
    problems,
    notes: [],
  };
}
