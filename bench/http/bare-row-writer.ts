import Database from "better-sqlite3";
import { workerData } from "node:worker_threads";

import { serveGroups } from "../harness/grouped-writer.ts";
import type { BareRow } from "./bare-server.ts";

// The thread of the bare server: one row for each run, as many as wait in one transaction, FULL.

const database = new Database((workerData as { file: string }).file);
database.pragma("synchronous = FULL");
const insert = database.prepare("INSERT INTO runs (id, order_text, at) VALUES (?, ?, ?)");

serveGroups<BareRow>(
  database.transaction((batches: readonly (readonly BareRow[])[]) => {
    for (const batch of batches) for (const { id, order, at } of batch) insert.run(id, order, at);
  }),
);
