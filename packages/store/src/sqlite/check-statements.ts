import type Database from "better-sqlite3";

/** A statement that the database cannot compile, and why. */
export interface StatementProblem {
  readonly sql: string;
  readonly message: string;
}

/** Compiles each text against the schema of an open database, without running any; returns those that fail. */
export function checkStatements(database: Database.Database, sqls: Iterable<string>): StatementProblem[] {
  const problems: StatementProblem[] = [];
  for (const sql of sqls) {
    try {
      database.prepare(sql);
    } catch (error) {
      problems.push({ sql, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return problems;
}
