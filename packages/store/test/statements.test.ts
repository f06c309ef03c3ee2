import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { checkStatements, migrate } from "@signalbox/store/sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";

import { migrations } from "../src/migrations/index.ts";
import { APPEND_EVENTS_SQL } from "../src/units/events.ts";

/** A literal that begins as a statement does. Statements are whole literals (docs/decisions/0003). */
const LITERAL = /(["`])((?:SELECT|INSERT|UPDATE|DELETE)\s(?:(?!\1).)+)\1/gs;

function sources(): { file: string; text: string }[] {
  const root = join(import.meta.dirname, "../src");
  const files = globSync("{units,reads,verify}/**/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  return files.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
}

/** Every SQL text in the sources of units, reads and checks; the texts that are put together stand in for their part. */
function statements(): { file: string; sql: string }[] {
  const literals = sources().flatMap(({ file, text }) =>
    [...text.matchAll(LITERAL)].map(([, , sql = ""]) => ({ file, sql })),
  );
  const isPart = (sql: string) => APPEND_EVENTS_SQL.some((whole) => whole.startsWith(sql));
  return [
    ...literals.filter(({ sql }) => !isPart(sql)),
    ...APPEND_EVENTS_SQL.map((sql) => ({ file: "units/events.ts", sql })),
  ];
}

describe("every statement of units, reads and checks", () => {
  it("compiles on the migrated schema", () => {
    const database = new Database(":memory:");
    migrate(database, migrations, () => 0);
    const all = statements();

    const problems = checkStatements(
      database,
      all.map(({ sql }) => sql),
    );

    expect(problems).toEqual([]);
    expect(all.length).toBeGreaterThan(60);
  });

  it("is a whole literal, so that the check above sees it", () => {
    const pieced = statements().filter(({ sql }) => sql.includes("${"));
    const begun = sources().filter(({ text }) => /`\$\{\w+\}\s+(?:FROM|WHERE|SET|VALUES|AND|ORDER)\b/.test(text));

    expect(pieced).toEqual([]);
    expect(begun.map(({ file }) => file)).toEqual([]);
  });

  it("is red for a column that is not there", () => {
    const database = new Database(":memory:");
    migrate(database, migrations, () => 0);

    expect(checkStatements(database, ["SELECT colour FROM runs"])).toMatchObject([
      { message: "no such column: colour" },
    ]);
  });
});
