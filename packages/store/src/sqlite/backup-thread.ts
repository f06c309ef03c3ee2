import { workerData } from "node:worker_threads";
import { copyAll } from "./backup.ts";
import { openReaderConnection } from "./connection.ts";
import { DEFAULT_BUSY_TIMEOUT_MS } from "./limits.ts";

// The thread of one backup: copies the database and ends; a failure is the thread's error.

const { databaseFile, toPath } = workerData as { databaseFile: string; toPath: string };
const database = openReaderConnection(databaseFile, DEFAULT_BUSY_TIMEOUT_MS);
try {
  await copyAll(database, toPath);
} finally {
  database.close();
}
