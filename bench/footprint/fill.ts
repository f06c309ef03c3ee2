import { openSignalboxStore } from "@signalbox/store/sqlite";
import Database from "better-sqlite3";
import { join } from "node:path";

import { bodies, castOf, recordRun } from "../durable-runs/recorded-run.ts";
import { readTask, report } from "../harness/processes.ts";

// Fills a store with runs that are over, copies of one that really took place, until it holds so many events.

const { directory, events } = readTask<{ readonly directory: string; readonly events: number }>();
const { body: mould, rows } = await recordRun(":memory:");
await (await openSignalboxStore({ directory })).close();
const database = new Database(join(directory, "signalbox.db"), { fileMustExist: true });
database.pragma("synchronous = OFF");
database.pragma("cache_size = -262144");
const inserts = rows.map(({ table, row }) => {
  const [columns, values] = [Object.keys(row), Object.values(row)];
  const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  return { statement: database.prepare(sql), cast: castOf(values, mould) };
});
const runs = Math.ceil(events / rows.filter(({ table }) => table === "events").length);
const next = bodies(mould);
database.transaction(() => {
  for (let made = 0; made < runs; made++) {
    const body = next.next().value;
    for (const { statement, cast } of inserts) statement.run(cast(body));
  }
})();
database.pragma("wal_checkpoint(TRUNCATE)");
const one = (sql: string): number => database.prepare<[], number>(sql).pluck().get() ?? 0;
const filled = {
  runs,
  events: one("SELECT COUNT(*) FROM events"),
  bytes: one("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
};
database.close();
report(filled);
