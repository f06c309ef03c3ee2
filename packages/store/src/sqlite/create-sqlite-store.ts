import { FileBlobStore } from "../blobs/file-blob-store.ts";
import { MemoryBlobStore } from "../blobs/memory-blob-store.ts";
import * as storeErrors from "../errors.ts";
import type { UnitMap } from "../unit.ts";
import { backupConnection, backupFile } from "./backup.ts";
import { openMemoryConnection, openReaderConnection, openWriterConnection } from "./connection.ts";
import { createPrivateFile, openDataDirectory } from "./data-directory.ts";
import type { DataDirectory } from "./data-directory.ts";
import { ErrorReviver } from "./error-wire.ts";
import type { ErrorClass } from "./error-wire.ts";
import { GroupExecutor } from "./group-executor.ts";
import { InlineWriter } from "./inline-writer.ts";
import { DEFAULT_BUSY_TIMEOUT_MS, DEFAULT_RESERVE_BYTES, DEFAULT_WRITER_LIMITS } from "./limits.ts";
import type { WriterLimits } from "./limits.ts";
import { migrate } from "./migrate.ts";
import type { Migration } from "./migrate.ts";
import { OwnerLock } from "./owner-lock.ts";
import { Reader } from "./reader.ts";
import { Reserve } from "./reserve.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { SqliteStoreParts } from "./sqlite-store.ts";
import { ThreadWriter } from "./thread-writer.ts";
import { UnitQueue } from "./unit-queue.ts";
import type { Writer, WriterEvents } from "./writer.ts";

export interface SqliteStoreOptions {
  /** The data folder, for this store alone; made when it is missing. `":memory:"` keeps nothing. */
  readonly directory: string;
  /** The address of the module that exports `units`: the writer's thread imports it for itself. */
  readonly units: URL;
  /** From the first on; what is missing is applied when the store opens. */
  readonly migrations: readonly Migration[];
  /** The classes of error that units throw, beside those of this package; others arrive as a plain `Error`. */
  readonly errors?: readonly ErrorClass[];
  /** How long to wait for a lock that another program holds on the database, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** What differs from `DEFAULT_WRITER_LIMITS`. */
  readonly limits?: Partial<WriterLimits>;
  /** The room to hold back for a full disk, in bytes. Default 64 MiB; 0 for none. */
  readonly reserveBytes?: number;
  /** Default the system's clock. */
  readonly clock?: { now(): number };
}

/**
 * Opens a store on SQLite. Refuses with `StoreLockedError` when another store has the folder, with
 * `DatabaseTooNewError` when a newer program has migrated the database, and else with `StoreOpenError`.
 */
export async function createSqliteStore<Units extends UnitMap>(
  options: SqliteStoreOptions,
): Promise<SqliteStore<Units>> {
  return options.directory === ":memory:" ? openInMemory<Units>(options) : openOnDisk<Units>(options);
}

async function openInMemory<Units extends UnitMap>(options: SqliteStoreOptions): Promise<SqliteStore<Units>> {
  const database = openMemoryConnection();
  migrate(database, options.migrations, nowOf(options));
  const { units } = (await import(options.units.href)) as { units: UnitMap };
  const executor = new GroupExecutor({ database, units });
  const limits = limitsOf(options);
  const start = async (events: WriterEvents) => new InlineWriter({ executor, limits, ...events });
  return wire<Units>({ limits, isElsewhere: false }, start, () => ({
    reader: new Reader(database),
    blobs: new MemoryBlobStore(),
    backup: (toPath) => backupConnection(database, toPath),
  }));
}

async function openOnDisk<Units extends UnitMap>(options: SqliteStoreOptions): Promise<SqliteStore<Units>> {
  const directory = openDataDirectory(options.directory);
  const lock = OwnerLock.acquire(directory);
  try {
    return await openLocked<Units>(options, directory, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function openLocked<Units extends UnitMap>(
  options: SqliteStoreOptions,
  directory: DataDirectory,
  lock: OwnerLock,
): Promise<SqliteStore<Units>> {
  prepareDatabase(options, directory);
  const now = nowOf(options);
  const reserve = new Reserve({
    file: directory.reserveFile,
    bytes: options.reserveBytes ?? DEFAULT_RESERVE_BYTES,
    now,
  });
  await reserve.fill();
  return wire<Units>(
    { limits: limitsOf(options), isElsewhere: true },
    (events) => startThread(options, directory, events),
    () => ({
      reader: new Reader(openReaderConnection(directory.databaseFile, busyTimeoutOf(options))),
      blobs: new FileBlobStore({ directory: directory.blobs, now }),
      backup: (toPath) => backupFile(directory.databaseFile, toPath),
      reserve,
      lock,
    }),
  );
}

/** The writer starts before anything else is opened, so that there is nothing to close when it does not. */
async function wire<Units extends UnitMap>(
  { limits, isElsewhere }: { readonly limits: WriterLimits; readonly isElsewhere: boolean },
  start: (events: WriterEvents) => Promise<Writer>,
  open: () => Omit<SqliteStoreParts, "queue" | "writer">,
): Promise<SqliteStore<Units>> {
  const queue = new UnitQueue({ limits, isElsewhere, send: (units) => writer.send(units) });
  const writer = await start({
    onAnswer: (answer) => {
      // Before the callers hear of it: what they store next finds the room that the reserve held.
      if (answer.failures.some(({ error }) => error instanceof storeErrors.StorageFullError)) parts.reserve?.release();
      queue.settle(answer);
      parts.reserve?.refillInTime();
    },
    onFatal: (error) => store.fail(error),
  });
  const parts = open();
  const store = new SqliteStore<Units>({ ...parts, queue, writer });
  return store;
}

function startThread(options: SqliteStoreOptions, directory: DataDirectory, events: WriterEvents): Promise<Writer> {
  return ThreadWriter.start({
    ...events,
    reviver: new ErrorReviver([...Object.values(storeErrors), ...(options.errors ?? [])]),
    settings: {
      directory: directory.path,
      databaseFile: directory.databaseFile,
      walFile: directory.walFile,
      unitsUrl: options.units.href,
      busyTimeoutMs: busyTimeoutOf(options),
      limits: limitsOf(options),
    },
  });
}

/** On this thread, before the writer's starts: nothing can be done without it, and its refusals reach the caller. */
function prepareDatabase(options: SqliteStoreOptions, { databaseFile }: DataDirectory): void {
  createPrivateFile(databaseFile);
  const database = openWriterConnection(databaseFile, busyTimeoutOf(options));
  try {
    migrate(database, options.migrations, nowOf(options));
  } finally {
    database.close();
  }
}

function limitsOf({ limits }: SqliteStoreOptions): WriterLimits {
  return { ...DEFAULT_WRITER_LIMITS, ...limits };
}

function nowOf({ clock }: SqliteStoreOptions): () => number {
  return clock ? () => clock.now() : Date.now;
}

function busyTimeoutOf({ busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS }: SqliteStoreOptions): number {
  return busyTimeoutMs;
}
