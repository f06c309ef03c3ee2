import { writeSync } from "node:fs";
import type Database from "better-sqlite3";
import { join } from "node:path";
import { openWriterConnection } from "../../src/sqlite/connection.ts";
import { GroupExecutor } from "../../src/sqlite/group-executor.ts";
import { migrate } from "../../src/sqlite/migrate.ts";
import { WalCheckpoint } from "../../src/sqlite/wal-checkpoint.ts";
import { migrations, units } from "./parcel-units.ts";

// A fixed piece of work of the writer, on one thread so that its system calls come in one order: migrate, three
// groups, a checkpoint, a group, the end. It says what it acknowledges: `crash-point-process.ts <folder> [synchronous]`.

const databaseFile = join(process.argv[2] ?? "", "signalbox.db");
const database: Database.Database = openWriterConnection(databaseFile, 0);
database.pragma(`synchronous = ${process.argv[3] ?? "FULL"}`);
migrate(database, migrations, () => 0);
const executor = new GroupExecutor({ database, units });
const checkpoint = new WalCheckpoint({ database, walFile: `${databaseFile}-wal`, busyTimeoutMs: 0 });

for (const group of ["a", "b", "c"]) store(group);
checkpoint.finish();
store("d");
database.close();
writeSync(1, "closed\n");

function store(group: string): void {
  const ids = [1, 2, 3].map((n) => `${group}${n}`);
  const refused = { name: "addThenRefuse", args: { id: `${group}-refused` } };
  const calls = ids.map((id) => ({ name: "addParcel", args: { id, bytes: 2_000 } }));
  const { failures } = executor.execute([...calls, refused]);
  if (failures.length === 1) for (const id of ids) writeSync(1, `stored ${id}\n`);
}
