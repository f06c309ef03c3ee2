import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { DatabaseTooNewError, StoreOpenError } from "../errors.ts";
import type { Migration } from "../migration.ts";
import { checkStatements } from "./check-statements.ts";
import { migrate } from "./migrate.ts";

const first: Migration = { id: 1, name: "first", up: ["CREATE TABLE a (x INTEGER)", "INSERT INTO a VALUES (1)"] };
const second: Migration = { id: 2, name: "second", up: ["CREATE TABLE b (x INTEGER)"] };
const broken: Migration = {
  id: 2,
  name: "broken",
  up: ["CREATE TABLE b (x INTEGER)", "INSERT INTO nowhere VALUES (1)"],
};

describe("migrate", () => {
  it("applies what is missing, in order and once", () => {
    const database = new Database(":memory:");

    migrate(database, [first], () => 100);
    migrate(database, [first, second], () => 200);
    migrate(database, [first, second], () => 300);

    expect(database.prepare("SELECT id, name, applied_at FROM schema_migrations").all()).toEqual([
      { id: 1, name: "first", applied_at: 100 },
      { id: 2, name: "second", applied_at: 200 },
    ]);
    expect(database.prepare("SELECT x FROM a").all()).toEqual([{ x: 1 }]);
  });

  it("undoes a migration that fails, keeps those before it, and applies a mended one", () => {
    const database = new Database(":memory:");

    expect(() => migrate(database, [first, broken], () => 0)).toThrow("migration 2 (broken) failed and was undone");
    migrate(database, [first, second], () => 0);

    expect(database.prepare("SELECT id FROM schema_migrations").pluck().all()).toEqual([1, 2]);
  });

  it("refuses a database that a newer program has migrated", () => {
    const database = new Database(":memory:");
    migrate(database, [first, second], () => 0);

    const opening = () => migrate(database, [first], () => 0);

    expect(opening).toThrow(DatabaseTooNewError);
    expect(opening).toThrow("the database is at version 2, this program knows up to 1");
  });

  it("refuses a database with another history", () => {
    const database = new Database(":memory:");
    migrate(database, [{ ...first, name: "other" }], () => 0);

    expect(() => migrate(database, [first], () => 0)).toThrow(StoreOpenError);
  });

  it("refuses a list with a gap", () => {
    expect(() => migrate(new Database(":memory:"), [second], () => 0)).toThrow(RangeError);
  });
});

describe("checkStatements", () => {
  it("names the statements that do not fit the schema, and runs none", () => {
    const database = new Database(":memory:");
    migrate(database, [first], () => 0);

    const problems = checkStatements(database, ["DELETE FROM a WHERE x = ?", "SELECT y FROM a", "SELEC"]);

    expect(problems.map(({ sql }) => sql)).toEqual(["SELECT y FROM a", "SELEC"]);
    expect(problems[0]?.message).toContain("no such column");
    expect(database.prepare("SELECT COUNT(*) FROM a").pluck().get()).toBe(1);
  });
});
