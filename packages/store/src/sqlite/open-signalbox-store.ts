import { migrations } from "../migrations/index.ts";
import type { SignalboxUnits } from "../units/index.ts";
import { createSqliteStore, type SqliteStoreOptions } from "./create-sqlite-store.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** Opens the product's own store on SQLite: its units, its migrations. `":memory:"` keeps nothing. */
export async function openSignalboxStore(
  options: Omit<SqliteStoreOptions, "units" | "migrations">,
): Promise<SqliteStore<SignalboxUnits>> {
  // The same module as source and as built file.
  const units = new URL(import.meta.url.endsWith(".ts") ? "../units/index.ts" : "../units/index.js", import.meta.url);
  return createSqliteStore<SignalboxUnits>({ ...options, units, migrations });
}
