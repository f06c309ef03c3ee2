/** What a statement takes and a row holds. Integers beyond 2^53 come back as `bigint`, all others as `number`. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/**
 * One statement for the engine: run it for its effect, fetch its first row, or fetch all its rows. The text is SQL
 * that every engine understands, with `?` for each parameter in turn.
 */
export interface Statement {
  readonly kind: "run" | "get" | "all";
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** What `run` answers: how many rows were inserted, changed or deleted. */
export interface RunResult {
  readonly changes: number;
}

/**
 * A unit of work: a generator that yields statements and returns what the caller gets. All of its effects are
 * committed together, or none. To refuse, it throws.
 *
 * An engine may run it again from its start (after a conflict, or when the group that it was in failed), so it does
 * nothing but yield statements, and time, ids and randomness come in through its arguments. Arguments and result
 * cross a thread: plain data only. After a statement has failed a unit may throw another error in place of the one it
 * caught; it cannot go on.
 */
export type Unit<Args, Result> = (args: Args) => Generator<Statement, Result, unknown>;

/** The units of a store by name. */
// Units are contravariant in their arguments, so only `any` lets a map hold units of every shape.
// oxlint-disable-next-line typescript/no-explicit-any
export type UnitMap = Record<string, Unit<any, any>>;

/** The arguments of a unit. */
export type ArgsOf<U extends UnitMap[string]> = Parameters<U>[0];

/** What a unit returns. */
export type ResultOf<U extends UnitMap[string]> =
  ReturnType<U> extends Generator<Statement, infer R, unknown> ? R : never;

/** Runs a statement for its effect: `const { changes } = yield* run("UPDATE …", id)`. */
export function* run(sql: string, ...params: SqlValue[]): Generator<Statement, RunResult, unknown> {
  return (yield { kind: "run", sql, params }) as RunResult;
}

/** Fetches the first row, or `undefined` when there is none. The caller vouches for the shape of the row. */
export function* get<Row>(sql: string, ...params: SqlValue[]): Generator<Statement, Row | undefined, unknown> {
  return (yield { kind: "get", sql, params }) as Row | undefined;
}

/** Fetches all rows, in the order that the statement gives them. The caller vouches for the shape of the rows. */
export function* all<Row>(sql: string, ...params: SqlValue[]): Generator<Statement, Row[], unknown> {
  return (yield { kind: "all", sql, params }) as Row[];
}
