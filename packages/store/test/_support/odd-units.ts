import { UnitRefusal } from "../../src/errors.ts";
import { get, run } from "../../src/unit.ts";

// Units that misbehave, for the tests of the thread that runs them.

export class UnknownRefusal extends UnitRefusal {
  override readonly name = "UnknownRefusal";
}

export const migrations = [
  { id: 1, name: "odd", up: ["CREATE TABLE notes (id TEXT PRIMARY KEY, content BLOB)"] },
  {
    id: 2,
    name: "deferred",
    up: ["CREATE TABLE links (to_note TEXT REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)"],
  },
];

export const units = {
  *note({ id, content = null }: { id: string; content?: Uint8Array | null }) {
    yield* run("INSERT INTO notes (id, content) VALUES (?, ?)", id, content);
    return id;
  },

  /** Its broken reference shows at the commit only. */
  *linkToNothing() {
    yield* run("INSERT INTO links (to_note) VALUES ('nothing')");
  },

  /** Its conflict ends the whole transaction, not only the unit. */
  *insertOrRollBack({ id }: { id: string }) {
    yield* run("INSERT OR ROLLBACK INTO notes (id) VALUES (?)", id);
  },

  *returnFunction({ id }: { id: string }) {
    yield* run("INSERT INTO notes (id) VALUES (?)", id);
    return () => id;
  },

  *take({ value }: { value: unknown }) {
    return (yield* get("SELECT 1 AS one")) && typeof value;
  },

  *refuseInOwnClass() {
    yield* get("SELECT 1 AS one");
    throw new UnknownRefusal("OWN", "in a class that is not registered");
  },

  *endThread() {
    yield* get("SELECT 1 AS one");
    process.exit(3);
  },
};

export type OddUnits = typeof units;
