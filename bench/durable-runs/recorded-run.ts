import { openSignalboxStore } from "@signalbox/store/sqlite";
import type { SignalboxStore } from "@signalbox/store";
import Database from "better-sqlite3";

import { openPlane } from "./signalbox.ts";

type Value = string | number | bigint | null | Uint8Array;

/** A unit that a real run has put to the store. */
export interface RecordedUnit {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A statement that wrote, with its values. */
export interface RecordedStatement {
  readonly sql: string;
  readonly params: readonly Value[];
}

/** A run that really took place, as a mould for more. */
export interface RecordedRun {
  /** The part of its ids that is its own. */
  readonly body: string;
  /** What was asked of the store. */
  readonly units: readonly RecordedUnit[];
  /** What each commit wrote. Empty unless the store is in memory, where its writer is in this thread. */
  readonly commits: readonly (readonly RecordedStatement[])[];
  /** The rows that came of it, by table. */
  readonly rows: readonly { readonly table: string; readonly row: Readonly<Record<string, Value>> }[];
  /** The statements that make the same tables and indexes. */
  readonly schema: readonly string[];
}

/** Carries out one run on a store in a folder, or in memory, and writes down what it was. */
export async function recordRun(directory: string): Promise<RecordedRun> {
  using writes = recordWrites();
  const units: RecordedUnit[] = [];
  await using store = await openSignalboxStore({ directory });
  const { controlPlane, runOne } = await openPlane(recordingUnits(store, units), 1);
  // The second finds its project made, as nearly every run does.
  await runOne();
  units.length = 0;
  writes.commits.length = 0;
  await runOne();
  await controlPlane.drain();
  const last = await store.get<{ id: string }>("SELECT id FROM runs ORDER BY id DESC LIMIT 1");
  const body = last?.id.slice("run_".length) ?? "";
  // What housekeeping writes at the end names no run.
  const commits = writes.commits.filter((commit) =>
    commit.some(({ params }) => params.some((value) => names(value, body))),
  );
  const tables = await store.all<{ name: string; sql: string | null }>(
    "SELECT name, sql FROM sqlite_master WHERE type = 'table'",
  );
  const rows = [];
  for (const { name: table } of tables) {
    const all = await store.all<Record<string, Value>>(`SELECT * FROM ${table}`);
    for (const row of all) if (Object.values(row).some((value) => names(value, body))) rows.push({ table, row });
  }
  const schema = await store.all<{ sql: string }>("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL");
  return { body, units, commits, rows, schema: schema.map(({ sql }) => sql) };
}

/** Ids like the product's: as long as the mould's, and rising. */
export function* bodies(like: string): Generator<string, never> {
  for (let number = 0; ; number++) yield number.toString(36).padStart(like.length, "0");
}

/** The values of the mould with another run's id in them. */
export function castOf(values: readonly Value[], mould: string): (body: string) => Value[] {
  const parts = values.map((value) => (names(value, mould) ? String(value).split(mould) : undefined));
  return (body) => values.map((value, index) => parts[index]?.join(body) ?? value);
}

function names(value: unknown, body: string): boolean {
  return typeof value === "string" && value.includes(body);
}

function recordingUnits(store: SignalboxStore, units: RecordedUnit[]): SignalboxStore {
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (property === "run") units.push({ name: String(args[0]), args: args[1] as RecordedUnit["args"] });
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** Looks over the shoulder of every connection of this thread that is opened from now on, commit by commit. */
function recordWrites(): Disposable & { readonly commits: RecordedStatement[][] } {
  const commits: RecordedStatement[][] = [];
  let open: RecordedStatement[] = [];
  const prototype = Database.prototype as { prepare: (sql: string) => Database.Statement<Value[]> };
  const { prepare } = prototype;
  prototype.prepare = function (sql) {
    const statement = Reflect.apply(prepare, this, [sql]) as Database.Statement<Value[]>;
    const run: unknown = Reflect.get(statement, "run");
    Object.defineProperty(statement, "run", {
      value: (...params: (Value | readonly Value[])[]) => {
        if (/^\s*(INSERT|UPDATE|DELETE)/i.test(sql)) open.push({ sql, params: params.flat() });
        if (/^\s*COMMIT/i.test(sql) && open.length > 0) {
          commits.push(open);
          open = [];
        }
        return Reflect.apply(run as (...values: unknown[]) => Database.RunResult, statement, params);
      },
    });
    return statement;
  };
  return { commits, [Symbol.dispose]: () => void (prototype.prepare = prepare) };
}
