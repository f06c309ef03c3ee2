import type Database from "better-sqlite3";
import type { RunResult, SqlValue, Statement } from "../unit.ts";

type Row = Record<string, unknown>;

/** One SQL text, compiled once, whose integers keep all their digits. */
export class PreparedStatement {
  /** Whether it leaves the database as it was. */
  readonly isReadonly: boolean;
  readonly #statement: Database.Statement<[readonly SqlValue[]], Row>;
  readonly #prepareExact: () => Database.Statement<[readonly SqlValue[]], Row>;
  #exact: Database.Statement<[readonly SqlValue[]], Row> | undefined;
  #columns: readonly string[] | undefined;

  constructor(database: Database.Database, sql: string) {
    this.#statement = database.prepare(sql);
    this.#prepareExact = () => database.prepare<[readonly SqlValue[]], Row>(sql).safeIntegers(true);
    this.isReadonly = this.#statement.readonly;
  }

  execute(kind: Statement["kind"], params: readonly SqlValue[]): unknown {
    if (kind === "run") return this.run(params);
    return kind === "get" ? this.get(params) : this.all(params);
  }

  run(params: readonly SqlValue[]): RunResult {
    return this.#statement.run(params);
  }

  get(params: readonly SqlValue[]): Row | undefined {
    if (!this.isReadonly) return this.#getExact(params);
    const row = this.#statement.get(params);
    return row !== undefined && this.#hasRoundedInteger(row) ? this.#getExact(params) : row;
  }

  all(params: readonly SqlValue[]): Row[] {
    if (!this.isReadonly) return this.#allExact(params);
    const rows = this.#statement.all(params);
    return rows.some((row) => this.#hasRoundedInteger(row)) ? this.#allExact(params) : rows;
  }

  /**
   * Fetching every integer as a bigint is slow, so rows are fetched with plain numbers, and a row with a number beyond
   * 2^53 is fetched again. A statement that writes cannot be repeated: it is exact from the start.
   */
  #hasRoundedInteger(row: Row): boolean {
    // The names are the same for every row, and walking them is much faster than enumerating the row.
    this.#columns ??= Object.keys(row);
    for (const column of this.#columns) {
      const value = row[column];
      if (typeof value === "number" && (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER))
        return true;
    }
    return false;
  }

  #getExact(params: readonly SqlValue[]): Row | undefined {
    this.#exact ??= this.#prepareExact();
    const row = this.#exact.get(params);
    return row && withSmallIntegersAsNumbers(row);
  }

  #allExact(params: readonly SqlValue[]): Row[] {
    this.#exact ??= this.#prepareExact();
    return this.#exact.all(params).map(withSmallIntegersAsNumbers);
  }
}

function withSmallIntegersAsNumbers(row: Row): Row {
  for (const column in row) {
    const value = row[column];
    if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) row[column] = Number(value);
  }
  return row;
}
