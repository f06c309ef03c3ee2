import type Database from "better-sqlite3";
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { StoreError } from "../errors.ts";
import { siblingModule } from "./sibling-module.ts";

/** All pages in one step: a copy in several steps would start again whenever something is written in between. */
const ALL_PAGES = 0x7fff_ffff;

/** Copies a database on disk, in a thread of its own, while others read and write it. */
export async function backupFile(databaseFile: string, toPath: string): Promise<void> {
  await backupWith(toPath, (temporary) => copyInThread(databaseFile, temporary));
}

/** Copies an open database, on this thread. */
export async function backupConnection(database: Database.Database, toPath: string): Promise<void> {
  await backupWith(toPath, (temporary) => copyAll(database, temporary));
}

/** Copies all that is committed to a file, from one snapshot. */
export async function copyAll(database: Database.Database, toPath: string): Promise<void> {
  await database.backup(toPath, { progress: () => ALL_PAGES });
}

/** The copy gets its name when it is complete and durable. */
async function backupWith(toPath: string, copy: (temporary: string) => Promise<void>): Promise<void> {
  if (existsSync(toPath))
    throw new StoreError("BACKUP_EXISTS", `${toPath} exists; a backup replaces nothing`, { toPath });
  const temporary = `${toPath}.partial`;
  try {
    await rm(temporary, { force: true });
    await (await open(temporary, "wx", 0o600)).close();
    await copy(temporary);
    await sync(temporary);
    await rename(temporary, toPath);
    await sync(dirname(toPath));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function copyInThread(databaseFile: string, toPath: string): Promise<void> {
  const file = siblingModule("backup-thread", import.meta.url);
  const worker = new Worker(file, { workerData: { databaseFile, toPath }, name: "signalbox-backup" });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}
