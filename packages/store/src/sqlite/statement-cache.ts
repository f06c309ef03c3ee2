import type Database from "better-sqlite3";
import { MAX_PREPARED_STATEMENTS } from "./limits.ts";
import { PreparedStatement } from "./prepared-statement.ts";

/** The prepared statements of one connection by their SQL text; the oldest leaves when there are too many. */
export class StatementCache {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, PreparedStatement>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  prepare(sql: string): PreparedStatement {
    return this.#statements.get(sql) ?? this.#add(sql);
  }

  #add(sql: string): PreparedStatement {
    const statement = new PreparedStatement(this.#database, sql);
    if (this.#statements.size >= MAX_PREPARED_STATEMENTS) this.#dropOldest();
    this.#statements.set(sql, statement);
    return statement;
  }

  #dropOldest(): void {
    for (const sql of this.#statements.keys()) {
      this.#statements.delete(sql);
      return;
    }
  }
}
