import Database from "better-sqlite3";
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";

import { StateFileCorruptError, StateFileNotOursError, StateFileTooNewError, type StateError } from "../errors.ts";
import { isReplicaId } from "../ids.ts";
import { limit } from "../limits.ts";
import type { OpenPersistence, StoredRecord } from "../persistence.ts";
import { toFileError } from "./sqlite-error.ts";

/** Says in the file's header that it is ours: "SBst". */
const APPLICATION_ID = 0x53427374;
/** The version of the tables and of what is in them. */
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, checksum INTEGER NOT NULL, bytes BLOB NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

const KINDS = ["delta", "state"] as const satisfies readonly StoredRecord["kind"][];

interface LogRow {
  readonly position: number;
  readonly kind: number;
  readonly checksum: number;
  readonly bytes: Buffer;
}

export interface StateFileOptions {
  readonly path: string;
  readonly pluginId: string;
  /** Makes a name for parts of counters that nobody has. */
  readonly newSlot: () => string;
}

/** A file that keeps the state of one plugin: a log of records. Open here, and nowhere else until it is closed. */
export class StateFile implements OpenPersistence {
  readonly slot: string;
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #insert: Database.Statement<[number, number, Uint8Array]>;
  #records: StoredRecord[];

  /** Opens a file, or makes it. Throws a StateFileError. */
  constructor({ path, pluginId, newSlot }: StateFileOptions) {
    this.#path = path;
    const database = connect(path);
    this.#database = database;
    try {
      if (isNew(database)) create(database, pluginId);
      else check(database, path, pluginId);
      // Before anything is written: a damaged file is left as it is.
      this.#records = this.#read();
      makeDurable(database);
      this.slot = slotOf(database, fileIdentity(path), newSlot);
      this.#insert = database.prepare("INSERT INTO log (kind, checksum, bytes) VALUES (?, ?, ?)");
    } catch (error) {
      database.close();
      throw toFileError(error, path);
    }
  }

  load(): StoredRecord[] {
    const records = this.#records;
    // They are not needed here any more.
    this.#records = [];
    return records;
  }

  append(records: readonly StoredRecord[]): void {
    this.#guarded(() => this.#database.transaction(() => this.#insertAll(records)).immediate());
  }

  replace(records: readonly StoredRecord[]): void {
    const replaceAll = () => {
      this.#database.exec("DELETE FROM log");
      this.#insertAll(records);
    };
    this.#guarded(() => this.#database.transaction(replaceAll).immediate());
  }

  damaged(reason: string, cause: unknown): StateError {
    return new StateFileCorruptError(this.#path, reason, { cause });
  }

  close(): void {
    this.#database.close();
  }

  #read(): StoredRecord[] {
    return this.#database
      .prepare<[], LogRow>("SELECT position, kind, checksum, bytes FROM log ORDER BY position")
      .all()
      .map((row, index) => this.#toRecord(row, index + 1));
  }

  #insertAll(records: readonly StoredRecord[]): void {
    for (const { kind, bytes } of records) this.#insert.run(KINDS.indexOf(kind), crc32(bytes), bytes);
  }

  #toRecord({ position, kind, checksum, bytes }: LogRow, expected: number): StoredRecord {
    // A damaged index can skip rows without a complaint.
    if (position !== expected) throw new StateFileCorruptError(this.#path, `record ${expected} is missing`);
    const known = KINDS[kind];
    if (known === undefined || !Buffer.isBuffer(bytes) || crc32(bytes) !== checksum) {
      throw new StateFileCorruptError(this.#path, `record ${expected} has another checksum`);
    }
    return { kind: known, bytes };
  }

  #guarded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw toFileError(error, this.#path);
    }
  }
}

/** Takes the file for this connection alone, until it is closed or the process ends, however it ends. Changes nothing in it. */
function connect(path: string): Database.Database {
  try {
    createPrivateFile(path);
    refuseFragment(path);
    const database = new Database(path, { timeout: limit("file.busyMs") });
    try {
      database.pragma("locking_mode = EXCLUSIVE");
      database.exec("BEGIN EXCLUSIVE; ROLLBACK");
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** Makes a file that only its owner can read, unless it is there. Its name is on disk as well. */
function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** A file that is shorter than the header of a database can be one that SQLite takes for a new one, and writes over. */
function refuseFragment(path: string): void {
  const { size } = statSync(path);
  if (size > 0 && size < HEADER_BYTES) throw new StateFileNotOursError(path, "is no state file");
}

const HEADER_BYTES = 100;

function isNew(database: Database.Database): boolean {
  const tables = database.prepare<[], number>("SELECT count(*) FROM sqlite_schema").pluck().get();
  return tables === 0 && readPragma(database, "application_id") === 0;
}

function create(database: Database.Database, pluginId: string): void {
  const inOneTransaction = database.transaction(() => {
    database.exec(SCHEMA);
    writeMeta(database, "plugin", pluginId);
  });
  inOneTransaction.immediate();
}

function check(database: Database.Database, path: string, pluginId: string): void {
  if (readPragma(database, "application_id") !== APPLICATION_ID) {
    throw new StateFileNotOursError(path, "is a database of something else");
  }
  const format = readPragma(database, "user_version");
  if (format > FORMAT) throw new StateFileTooNewError(path, format, FORMAT);
  const owner = readMeta(database, "plugin");
  if (owner !== pluginId)
    throw new StateFileNotOursError(path, `keeps the state of plugin ${owner ?? "nobody"}, not of ${pluginId}`);
}

/** A commit has reached the disk when it returns. */
function makeDurable(database: Database.Database): void {
  database.pragma("journal_mode = WAL");
  // NORMAL would lose what was committed when the power fails; the library is built with it as its default.
  database.pragma("synchronous = FULL");
  database.pragma(`journal_size_limit = ${JOURNAL_BYTES}`);
}

const JOURNAL_BYTES = 4_194_304;

/**
 * The name under which this file's replicas count. A file that is not the one that it was, a copy or what a backup brought
 * back, gets another: the original may be in use, and what two add under one name is lost in part.
 */
function slotOf(database: Database.Database, identity: string, newSlot: () => string): string {
  const slot = readMeta(database, "slot");
  // One that cannot be would make deltas that nobody can read.
  if (slot !== undefined && isReplicaId(slot) && readMeta(database, "identity") === identity) return slot;
  const fresh = newSlot();
  const inOneTransaction = database.transaction(() => {
    writeMeta(database, "slot", fresh);
    writeMeta(database, "identity", identity);
  });
  inOneTransaction.immediate();
  return fresh;
}

/** What a copy of the file does not have. */
function fileIdentity(path: string): string {
  const { ino, birthtimeMs } = statSync(path);
  return `${hostname()} ${ino} ${birthtimeMs}`;
}

function readPragma(database: Database.Database, name: "application_id" | "user_version"): number {
  return Number(database.pragma(name, { simple: true }));
}

function readMeta(database: Database.Database, name: string): string | undefined {
  return database.prepare<[string], string>("SELECT value FROM meta WHERE name = ?").pluck().get(name);
}

function writeMeta(database: Database.Database, name: string, value: string): void {
  database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)").run(name, value);
}
