import { UniqueViolationError, UnitRefusal } from "../errors.ts";
import type { Migration } from "../migration.ts";
import { all, get, run } from "../unit.ts";
import type { SqlValue } from "../unit.ts";

// What the contract stores: entries with a unique label, values of every kind, and a log whose order can be read.

/** Thrown by a unit of the contract; an engine must bring it back as this class. */
export class LabelTakenError extends UnitRefusal {
  override readonly name = "LabelTakenError";

  constructor(label: string) {
    super("LABEL_TAKEN", `the label ${label} is taken`, { label });
  }
}

export const contractErrors = [LabelTakenError];

export const contractMigrations: readonly Migration[] = [
  {
    id: 1,
    name: "contract",
    up: [
      "CREATE TABLE entries (id TEXT PRIMARY KEY, label TEXT UNIQUE, parent TEXT REFERENCES entries (id))",
      "CREATE TABLE cells (id TEXT PRIMARY KEY, txt TEXT, num BIGINT, bytes BLOB)",
      "CREATE TABLE log (seq INTEGER PRIMARY KEY, caller TEXT NOT NULL, n INTEGER NOT NULL)",
    ],
  },
];

export interface Entry {
  readonly id: string;
  readonly label?: string;
  readonly parent?: string;
}

export interface Cell {
  readonly id: string;
  readonly txt: string | null;
  readonly num: number | bigint | null;
  readonly bytes: Uint8Array | null;
}

const INSERT_ENTRY = "INSERT INTO entries (id, label, parent) VALUES (?, ?, ?)";

export const units = {
  *addEntry({ id, label, parent }: Entry) {
    yield* run(INSERT_ENTRY, id, label ?? null, parent ?? null);
    return id;
  },

  /** Adds one after the other: the first that breaks a constraint undoes those before it. */
  *addEntries({ entries }: { entries: readonly Entry[] }) {
    for (const { id, label, parent } of entries) yield* run(INSERT_ENTRY, id, label ?? null, parent ?? null);
    return entries.length;
  },

  *addLabelled({ id, label }: { id: string; label: string }) {
    try {
      yield* run(INSERT_ENTRY, id, label, null);
    } catch (error) {
      throw error instanceof UniqueViolationError ? new LabelTakenError(label) : error;
    }
  },

  *addThenRefuse({ id }: { id: string }) {
    yield* run(INSERT_ENTRY, id, null, null);
    throw new UnitRefusal("CHANGED_MY_MIND", `not ${id} after all`, { id, nested: { list: [1, 2] } });
  },

  *addThenFail({ id }: { id: string }) {
    yield* run(INSERT_ENTRY, id, null, null);
    throw new TypeError("a bug");
  },

  *goOnAfterFailure({ id }: { id: string }) {
    try {
      yield* run(INSERT_ENTRY, id, null, "no such parent");
    } catch {
      yield* run(INSERT_ENTRY, `${id} again`, null, null);
    }
  },

  *findEntry({ id }: { id: string }) {
    return (yield* get<{ label: string | null }>("SELECT label FROM entries WHERE id = ?", id)) ?? null;
  },

  *renameAll({ label }: { label: string }) {
    const { changes } = yield* run("UPDATE entries SET label = label || ?", label);
    return changes;
  },

  *putCell({ id, txt, num, bytes }: Cell) {
    yield* run("INSERT INTO cells (id, txt, num, bytes) VALUES (?, ?, ?, ?)", id, txt, num, bytes);
    return yield* get<Cell>("SELECT id, txt, num, bytes FROM cells WHERE id = ?", id);
  },

  *putNumber({ id, num }: { id: string; num: number | bigint }) {
    return yield* get<{ num: SqlValue }>("INSERT INTO cells (id, num) VALUES (?, ?) RETURNING num", id, num);
  },

  *append({ caller, n }: { caller: string; n: number }) {
    const last = yield* get<{ seq: number }>("SELECT COALESCE(MAX(seq), 0) AS seq FROM log");
    const seq = (last?.seq ?? 0) + 1;
    yield* run("INSERT INTO log (seq, caller, n) VALUES (?, ?, ?)", seq, caller, n);
    return seq;
  },

  *readLog({ caller }: { caller: string }) {
    return yield* all<{ n: number }>("SELECT n FROM log WHERE caller = ? ORDER BY seq", caller);
  },
};

export type ContractUnits = typeof units;
