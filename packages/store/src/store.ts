import type { BlobStore } from "./blobs/blob-store.ts";
import type { ArgsOf, ResultOf, SqlValue, Statement, UnitMap } from "./unit.ts";

/**
 * What every engine offers: units of work in, rows and blobs out.
 *
 * Reads are promises because PostgreSQL can answer no other way, and one signature lets handlers run on both engines.
 * On SQLite the row is fetched synchronously on the caller's thread and the promise is already resolved, which costs
 * a microtask, well under a microsecond.
 */
export interface Store<Units extends UnitMap> extends AsyncDisposable {
  /**
   * Runs one unit. Resolves after the commit that holds its effects is durable. When the unit throws, rejects with
   * that error and leaves nothing behind. Calls are applied in the order in which they were made.
   *
   * Also rejects with `StoreBusyError`, `StorageFullError`, `StoreClosedError` (nothing was stored) or
   * `OutcomeUnknownError` (repeat with the same idempotency key).
   */
  run<Name extends keyof Units & string>(name: Name, args: ArgsOf<Units[Name]>): Promise<ResultOf<Units[Name]>>;

  /** The first row of a query over what is committed; `undefined` when there is none. */
  get<Row>(sql: string, ...params: SqlValue[]): Promise<Row | undefined>;

  /** All rows of a query over what is committed. */
  all<Row>(sql: string, ...params: SqlValue[]): Promise<Row[]>;

  /** Runs several queries on one snapshot, so that what they say fits together. A statement that writes is refused. */
  view<Result>(queries: () => Generator<Statement, Result, unknown>): Promise<Result>;

  /**
   * Whether there is room for more than the endings of what has begun. False from when the disk was full and the
   * reserve was given up until the reserve is in place again.
   */
  readonly hasRoom: boolean;

  /** Content-addressed bytes. */
  readonly blobs: BlobStore;

  /** Writes a consistent copy of the database to a file while work goes on. Refuses a path that exists. */
  backup(toPath: string): Promise<void>;

  /**
   * Tells once when the store has failed for good: from then on it refuses all work, and the process should end with
   * a non-zero code and be started again. Told at once if that has happened already. Returns a way to stop listening.
   */
  onFatal(listener: (error: Error) => void): () => void;

  /** Takes no more work, finishes what waits, and lets go of everything it holds. Closing twice is fine. */
  close(): Promise<void>;
}
