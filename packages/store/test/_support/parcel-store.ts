import Database from "better-sqlite3";
import { join } from "node:path";
import { createSqliteStore } from "../../src/sqlite/index.ts";
import type { SqliteStore, SqliteStoreOptions } from "../../src/sqlite/index.ts";
import { PARTS, migrations } from "./parcel-units.ts";
import type { ParcelUnits } from "./parcel-units.ts";

/** A store of parcels in a folder. */
export function openParcels(
  directory: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore<ParcelUnits>> {
  const units = new URL("./parcel-units.ts", import.meta.url);
  return createSqliteStore<ParcelUnits>({ directory, units, migrations, reserveBytes: 0, ...options });
}

/** What is wrong with the parcels in a folder that no store has open: nothing, when all is well. */
export function findDamage(directory: string, acknowledged: Iterable<string>): string[] {
  const database = new Database(join(directory, "signalbox.db"));
  try {
    return [
      ...damagedPages(database),
      ...halfParcels(database),
      ...wrongTally(database),
      ...[...acknowledged].filter((id) => !hasParcel(database, id)).map((id) => `${id} was acknowledged and is lost`),
    ];
  } finally {
    database.close();
  }
}

function damagedPages(database: Database.Database): string[] {
  const found = database.pragma("integrity_check") as { integrity_check: string }[];
  return found.map((row) => row.integrity_check).filter((text) => text !== "ok");
}

function halfParcels(database: Database.Database): string[] {
  const ids = database.prepare<[number], { id: string }>(
    "SELECT id FROM parcels p WHERE (SELECT COUNT(*) FROM parts WHERE parcel_id = p.id) <> ?",
  );
  return ids.all(PARTS).map(({ id }) => `${id} is there in part`);
}

function wrongTally(database: Database.Database): string[] {
  const counted = database.prepare("SELECT COUNT(*) FROM parcels").pluck().get();
  const tallied = database.prepare("SELECT parcels FROM tally").pluck().get();
  return counted === tallied ? [] : [`the tally says ${String(tallied)}, there are ${String(counted)} parcels`];
}

function hasParcel(database: Database.Database, id: string): boolean {
  return database.prepare("SELECT 1 FROM parcels WHERE id = ?").get(id) !== undefined;
}
