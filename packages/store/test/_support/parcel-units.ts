import { UnitRefusal } from "../../src/errors.ts";
import type { Migration } from "../../src/migration.ts";
import { get, run } from "../../src/unit.ts";

// Work whose halves can be told: a parcel always has PARTS parts, and the tally counts the parcels.

export const PARTS = 3;

export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: "parcels",
    up: [
      "CREATE TABLE parcels (id TEXT PRIMARY KEY) WITHOUT ROWID",
      `CREATE TABLE parts (parcel_id TEXT NOT NULL REFERENCES parcels (id), n INTEGER NOT NULL,
        content BLOB NOT NULL, PRIMARY KEY (parcel_id, n))`,
    ],
  },
  {
    id: 2,
    name: "tally",
    up: ["CREATE TABLE tally (id INTEGER PRIMARY KEY, parcels INTEGER NOT NULL)", "INSERT INTO tally VALUES (1, 0)"],
  },
];

export const units = {
  *addParcel({ id, bytes }: { id: string; bytes: number }) {
    yield* run("INSERT INTO parcels (id) VALUES (?)", id);
    for (let n = 0; n < PARTS; n++) {
      yield* run("INSERT INTO parts (parcel_id, n, content) VALUES (?, ?, ?)", id, n, new Uint8Array(bytes).fill(n));
    }
    yield* run("UPDATE tally SET parcels = parcels + 1 WHERE id = 1");
    return id;
  },

  *addThenRefuse({ id }: { id: string }) {
    yield* run("INSERT INTO parcels (id) VALUES (?)", id);
    throw new UnitRefusal("REFUSED", `not ${id} after all`);
  },

  *countParcels() {
    return (yield* get<{ n: number }>("SELECT COUNT(*) AS n FROM parcels"))?.n ?? 0;
  },
};

export type ParcelUnits = typeof units;
