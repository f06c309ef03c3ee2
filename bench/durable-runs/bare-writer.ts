import Database from "better-sqlite3";
import { workerData } from "node:worker_threads";

import { serveGroups } from "../harness/grouped-writer.ts";
import type { BareSettings, BareWork } from "./bare.ts";
import { castOf } from "./recorded-run.ts";

// The thread of the bare program: what waits is written in one transaction, then each batch is answered.

const { file, recorded } = workerData as BareSettings;
const database = new Database(file);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.pragma("cache_size = -65536");
database.pragma("temp_store = MEMORY");
database.pragma("wal_autocheckpoint = 4096");
for (const sql of recorded.schema) database.exec(sql);

const commits = recorded.commits.map((commit) =>
  commit.map(({ sql, params }) => ({ statement: database.prepare(sql), cast: castOf(params, recorded.body) })),
);

serveGroups<BareWork>(
  database.transaction((batches: readonly (readonly BareWork[])[]) => {
    for (const batch of batches) for (const { commit, body } of batch) write(commit, body);
  }),
);

function write(commit: number, body: string): void {
  for (const { statement, cast } of commits[commit] ?? []) statement.run(cast(body));
}
