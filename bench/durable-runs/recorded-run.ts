import { openSignalboxStore } from "@signalbox/store/sqlite";
import type { SignalboxStore } from "@signalbox/store";
import Database from "better-sqlite3";
import { join } from "node:path";

import { openPlane } from "./signalbox.ts";

/** A unit that a real run has put to the store. */
export interface RecordedUnit {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

type Row = Readonly<Record<string, string | number | null>>;

/** A run that really took place, as a mould for more: what was asked of the store, and the rows that came of it. */
export interface RecordedRun {
  /** The part of its ids that is its own. */
  readonly body: string;
  readonly units: readonly RecordedUnit[];
  readonly run: Row;
  readonly step: Row;
  readonly attempt: Row;
  readonly events: readonly Row[];
  /** The statements that make the same tables and indexes. */
  readonly schema: readonly string[];
}

/** Carries out one run in a folder and writes down what it was. */
export async function recordRun(directory: string): Promise<RecordedRun> {
  const units: RecordedUnit[] = [];
  {
    await using store = await openSignalboxStore({ directory });
    const { controlPlane, runOne } = await openPlane(recording(store, units), 1);
    // The second finds its project made, as nearly every run does.
    await runOne();
    units.length = 0;
    await runOne();
    await controlPlane.drain();
  }
  const database = new Database(databaseIn(directory), { readonly: true });
  const row = (table: string): Row => database.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY 1 DESC`).get() ?? {};
  const run = row("runs");
  const events = database.prepare<[unknown], Row>("SELECT * FROM events WHERE stream = ? ORDER BY seq").all(run["id"]);
  const schema = database.prepare<[], { sql: string }>("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").all();
  const recorded = { run, step: row("steps"), attempt: row("attempts"), events, schema: schema.map(({ sql }) => sql) };
  database.close();
  return { ...recorded, units, body: String(run["id"]).slice("run_".length) };
}

/** The file of a store's database. */
export function databaseIn(directory: string): string {
  return join(directory, "signalbox.db");
}

/** Ids like the product's: as long as the mould's, and rising. */
export function* bodies(like: string): Generator<string, never> {
  for (let number = 0; ; number++) yield number.toString(36).padStart(like.length, "0");
}

function recording(store: SignalboxStore, units: RecordedUnit[]): SignalboxStore {
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
