import type Database from "better-sqlite3";
import { DatabaseTooNewError, StoreOpenError } from "../errors.ts";
import type { Migration } from "../migration.ts";

export type { Migration } from "../migration.ts";

interface AppliedMigration {
  readonly id: number;
  readonly name: string;
}

/**
 * Applies what is missing, each migration in a transaction of its own together with its row in `schema_migrations`,
 * so that one that is killed at any statement has not happened and is applied at the next start. Refuses with
 * `DatabaseTooNewError` a database that knows a later migration than the list.
 */
export function migrate(database: Database.Database, migrations: readonly Migration[], now: () => number): void {
  requireAscending(migrations);
  database.exec(
    "CREATE TABLE IF NOT EXISTS schema_migrations (id INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
  );
  const applied = database.prepare<[], AppliedMigration>("SELECT id, name FROM schema_migrations ORDER BY id").all();
  requireSameHistory(applied, migrations);
  const missing = migrations.filter(({ id }) => !applied.some((row) => row.id === id));
  for (const migration of missing) apply(database, migration, now());
}

function apply(database: Database.Database, { id, name, up }: Migration, appliedAt: number): void {
  const inOneTransaction = database.transaction(() => {
    for (const sql of up) database.exec(sql);
    database.prepare("INSERT INTO schema_migrations (id, name, applied_at) VALUES (?, ?, ?)").run(id, name, appliedAt);
  });
  try {
    inOneTransaction.immediate();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreOpenError(
      `migration ${id} (${name}) failed and was undone: ${reason}`,
      { id, name },
      { cause: error },
    );
  }
}

function requireAscending(migrations: readonly Migration[]): void {
  for (const [index, { id, name }] of migrations.entries()) {
    if (id !== index + 1) throw new RangeError(`migration ${name} has id ${id} where ${index + 1} is next`);
  }
}

function requireSameHistory(applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  const newest = applied.at(-1)?.id ?? 0;
  if (newest > migrations.length) {
    const details = { databaseVersion: newest, programVersion: migrations.length };
    throw new DatabaseTooNewError(
      `the database is at version ${newest}, this program knows up to ${migrations.length}: start a newer program, or restore a backup`,
      details,
    );
  }
  const other = applied.find(({ id, name }) => migrations[id - 1]?.name !== name);
  if (other) throw new StoreOpenError(`the database has another history: its migration ${other.id} is ${other.name}`);
}
