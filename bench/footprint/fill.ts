import Database from "better-sqlite3";

import { bodies, databaseIn, recordRun } from "../durable-runs/recorded-run.ts";
import { readTask, report } from "../harness/processes.ts";

// Fills a store with runs that are over, copies of one that really took place, until it holds so many events.

const { directory, events } = readTask<{ readonly directory: string; readonly events: number }>();
const recorded = await recordRun(directory);
const database = new Database(databaseIn(directory));
database.pragma("synchronous = OFF");
database.pragma("cache_size = -262144");
const next = bodies(recorded.body);
const runs = Math.ceil(events / recorded.events.length);
const moulds = [
  ...[recorded.run].map((row) => mouldOf("runs", row)),
  ...[recorded.step].map((row) => mouldOf("steps", row)),
  ...[recorded.attempt].map((row) => mouldOf("attempts", row)),
  ...recorded.events.map((row) => mouldOf("events", row)),
];
database.transaction(() => {
  for (let made = 0; made < runs; made++) {
    const body = next.next().value;
    for (const insert of moulds) insert(body);
  }
})();
database.pragma("wal_checkpoint(TRUNCATE)");
const { count } = database.prepare<[], { count: number }>("SELECT COUNT(*) AS count FROM events").get() ?? { count: 0 };
const { bytes } = database
  .prepare<[], { bytes: number }>("SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()")
  .get() ?? { bytes: 0 };
database.close();
report({ runs, events: count, bytes });

function mouldOf(table: string, row: Readonly<Record<string, string | number | null>>): (body: string) => void {
  const columns = Object.keys(row);
  const insert = database.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  const values = Object.values(row).map((value) =>
    typeof value === "string" && value.includes(recorded.body) ? value.split(recorded.body) : value,
  );
  return (body) => void insert.run(values.map((value) => (Array.isArray(value) ? value.join(body) : value)));
}
