import type Database from "better-sqlite3";
import { OutcomeUnknownError, StorageFullError, StoreBusyError } from "../errors.ts";
import type { Statement, UnitMap } from "../unit.ts";
import { driveUnit } from "./drive-unit.ts";
import { toRefusal, troubleOf } from "./sqlite-error.ts";
import type { StorageTrouble } from "./sqlite-error.ts";
import { StatementCache } from "./statement-cache.ts";

/** A unit to run: its name and arguments. */
export interface UnitCall {
  readonly name: string;
  readonly args: unknown;
  /** Set when the arguments did not reach the writer: why. */
  readonly unsendable?: string;
}

/** What became of a group: the results in the order of the calls, and the errors of those that failed. */
export interface GroupOutcome {
  readonly results: unknown[];
  readonly failures: UnitFailure[];
  /** Set when the database must not be used any more. */
  readonly fatal?: Error;
}

export interface UnitFailure {
  readonly index: number;
  readonly error: unknown;
}

export interface GroupExecutorOptions {
  readonly database: Database.Database;
  readonly units: UnitMap;
  /** What an error says about the store; an engine on files looks closer than at SQLite's code. */
  readonly troubleOf?: (error: unknown) => StorageTrouble;
}

/** Runs groups of units, each group in one transaction and each unit all or nothing within it. */
export class GroupExecutor {
  readonly #database: Database.Database;
  readonly #units: UnitMap;
  readonly #troubleOf: (error: unknown) => StorageTrouble;
  readonly #statements: StatementCache;
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollBack: Database.Statement;
  readonly #save: Database.Statement;
  readonly #release: Database.Statement;
  readonly #restore: Database.Statement;
  readonly #execute: (statement: Statement) => unknown;
  /** Whether the unit that runs has written, and whether it can be undone alone. */
  #hasWritten = false;
  #hasSavepoint = false;
  #isCareful = false;

  constructor(options: GroupExecutorOptions) {
    const { database } = options;
    this.#database = database;
    this.#units = options.units;
    this.#troubleOf = options.troubleOf ?? troubleOf;
    this.#statements = new StatementCache(database);
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollBack = database.prepare("ROLLBACK");
    this.#save = database.prepare("SAVEPOINT unit");
    this.#release = database.prepare("RELEASE unit");
    this.#restore = database.prepare("ROLLBACK TO unit");
    this.#execute = (statement) => this.#executeStatement(statement);
  }

  /**
   * Returns after the commit; never throws. Units hardly ever refuse once they have written, so a group first runs without
   * a savepoint for each; when one does, the group is rolled back and runs again with them.
   */
  execute(calls: readonly UnitCall[]): GroupOutcome {
    this.#isCareful = false;
    try {
      return this.#commitTogether(calls);
    } catch (error) {
      if (this.#database.inTransaction) this.#rollBack.run();
      return error instanceof NeedsSavepoints ? this.#executeCarefully(calls) : this.#afterFailedGroup(calls, error);
    }
  }

  #executeCarefully(calls: readonly UnitCall[]): GroupOutcome {
    this.#isCareful = true;
    try {
      return this.#commitTogether(calls);
    } catch (error) {
      if (this.#database.inTransaction) this.#rollBack.run();
      return this.#afterFailedGroup(calls, error);
    }
  }

  #commitTogether(calls: readonly UnitCall[]): GroupOutcome {
    const outcome: GroupOutcome = { results: [], failures: [] };
    this.#begin.run();
    for (const call of calls) this.#runUnit(call, outcome);
    this.#commit.run();
    return outcome;
  }

  #runUnit(call: UnitCall, outcome: GroupOutcome): void {
    this.#hasSavepoint = false;
    this.#hasWritten = false;
    try {
      const result = driveUnit(this.#open(call), this.#execute);
      if (this.#hasSavepoint) this.#release.run();
      outcome.results.push(result);
    } catch (error) {
      this.#undoUnit(error);
      outcome.failures.push({ index: outcome.results.length, error: toRefusal(error) });
      outcome.results.push(undefined);
    }
  }

  #open(call: UnitCall): Generator<Statement, unknown, unknown> {
    const unit = Object.hasOwn(this.#units, call.name) ? this.#units[call.name] : undefined;
    if (!unit) throw new TypeError(`there is no unit named ${call.name}`);
    if (call.unsendable !== undefined) throw new TypeError(call.unsendable);
    return unit(call.args);
  }

  /** A savepoint is opened before the first write, so that a unit that only reads or refuses costs none. */
  #executeStatement({ kind, sql, params }: Statement): unknown {
    const statement = this.#statements.prepare(sql);
    if (!this.#hasWritten && !statement.isReadonly) {
      this.#hasWritten = true;
      if (this.#isCareful) this.#save.run();
      this.#hasSavepoint = this.#isCareful;
    }
    try {
      return statement.execute(kind, params);
    } catch (error) {
      throw toRefusal(error);
    }
  }

  /** Throws when the whole group is lost: on trouble of the store, or when SQLite has ended the transaction itself. */
  #undoUnit(error: unknown): void {
    if (this.#troubleOf(error) !== "none" || !this.#database.inTransaction) throw error;
    if (!this.#hasWritten) return;
    if (!this.#hasSavepoint) throw new NeedsSavepoints();
    this.#restore.run();
    this.#release.run();
  }

  #afterFailedGroup(calls: readonly UnitCall[], error: unknown): GroupOutcome {
    const trouble = this.#troubleOf(error);
    if (trouble === "broken") return this.#allFail(calls, outcomeUnknown(error), error);
    if (trouble === "busy") return this.#allFail(calls, new StoreBusyError(`the database is held: ${textOf(error)}`));
    if (calls.length > 1) return this.#executeOneByOne(calls);
    if (trouble === "full") return this.#allFail(calls, new StorageFullError(`no room to store: ${textOf(error)}`));
    return this.#allFail(calls, toRefusal(error));
  }

  /**
   * One large unit must not take the small ones of its group with it when room is short, nor one that breaks a
   * constraint at the commit; so the group is run again, each unit in a commit of its own.
   */
  #executeOneByOne(calls: readonly UnitCall[]): GroupOutcome {
    const outcome: { results: unknown[]; failures: UnitFailure[]; fatal?: Error } = { results: [], failures: [] };
    for (const [index, call] of calls.entries()) {
      const single = outcome.fatal ? this.#allFail([call], outcomeUnknown(outcome.fatal)) : this.execute([call]);
      outcome.results.push(single.results[0]);
      for (const { error } of single.failures) outcome.failures.push({ index, error });
      if (single.fatal) outcome.fatal = single.fatal;
    }
    return outcome;
  }

  #allFail(calls: readonly UnitCall[], error: unknown, fatal?: unknown): GroupOutcome {
    const failures = calls.map((_, index) => ({ index, error }));
    const outcome = { results: calls.map(() => undefined), failures };
    return fatal === undefined ? outcome : { ...outcome, fatal: fatal as Error };
  }
}

/** A unit refused after it had written, in a group that ran without savepoints. */
class NeedsSavepoints extends Error {
  override readonly name = "NeedsSavepoints";
}

function outcomeUnknown(error: unknown): OutcomeUnknownError {
  return new OutcomeUnknownError(`the database failed, the outcome is unknown: ${textOf(error)}`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
