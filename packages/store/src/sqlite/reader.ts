import type Database from "better-sqlite3";
import { StoreClosedError } from "../errors.ts";
import type { SqlValue, Statement } from "../unit.ts";
import { driveUnit } from "./drive-unit.ts";
import { StatementCache } from "./statement-cache.ts";

/** The read side of a store: queries over what is committed. A statement that writes is refused. */
export class Reader {
  readonly #database: Database.Database;
  readonly #statements: StatementCache;
  readonly #begin: Database.Statement;
  readonly #end: Database.Statement;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#statements = new StatementCache(database);
    this.#begin = database.prepare("BEGIN DEFERRED");
    this.#end = database.prepare("COMMIT");
  }

  execute(kind: "get" | "all", sql: string, params: readonly SqlValue[]): unknown {
    this.#requireOpen();
    const statement = this.#statements.prepare(sql);
    if (!statement.isReadonly) throw new TypeError(`a read may not write: ${sql}`);
    return statement.execute(kind, params);
  }

  /**
   * Runs several queries in one read transaction. Many views turn out to have one query, which is a snapshot by itself, so
   * the first runs without a transaction; when a second follows, all begin again within one.
   */
  view<Result>(queries: () => Generator<Statement, Result, unknown>): Result {
    this.#requireOpen();
    const attempt = queries();
    const first = attempt.next();
    if (first.done) return first.value;
    const second = attempt.next(this.#answer(first.value));
    if (second.done) return second.value;
    attempt.return(undefined as Result);
    return this.#viewTogether(queries);
  }

  #viewTogether<Result>(queries: () => Generator<Statement, Result, unknown>): Result {
    this.#begin.run();
    try {
      return driveUnit(queries(), this.#answer);
    } finally {
      if (this.#database.inTransaction) this.#end.run();
    }
  }

  close(): void {
    if (this.#database.open) this.#database.close();
  }

  #requireOpen(): void {
    if (!this.#database.open) throw new StoreClosedError("the store is closed");
  }

  readonly #answer = ({ kind, sql, params }: Statement): unknown => {
    if (kind === "run") throw new TypeError(`a read may not write: ${sql}`);
    return this.execute(kind, sql, params);
  };
}
