import type { BlobStore } from "../blobs/blob-store.ts";
import { StoreClosedError } from "../errors.ts";
import type { Store } from "../store.ts";
import type { ArgsOf, ResultOf, SqlValue, Statement, UnitMap } from "../unit.ts";
import type { OwnerLock } from "./owner-lock.ts";
import type { Reader } from "./reader.ts";
import type { Reserve } from "./reserve.ts";
import type { UnitQueue } from "./unit-queue.ts";
import type { Writer } from "./writer.ts";

/** The parts of a store, wired by `createSqliteStore`. */
export interface SqliteStoreParts {
  readonly queue: UnitQueue;
  readonly writer: Writer;
  readonly reader: Reader;
  readonly blobs: BlobStore;
  readonly backup: (toPath: string) => Promise<void>;
  /** Only on disk. */
  readonly reserve?: Reserve;
  readonly lock?: OwnerLock;
}

/** A store on SQLite: units go to one writer in groups, reads are answered from a connection of their own. */
export class SqliteStore<Units extends UnitMap> implements Store<Units> {
  readonly blobs: BlobStore;
  readonly #parts: SqliteStoreParts;
  readonly #fatalListeners = new Set<(error: Error) => void>();
  readonly #backups = new Set<Promise<void>>();
  #fatal: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: SqliteStoreParts) {
    this.#parts = parts;
    this.blobs = parts.blobs;
  }

  run<Name extends keyof Units & string>(name: Name, args: ArgsOf<Units[Name]>): Promise<ResultOf<Units[Name]>> {
    // The writer ran the unit of this name, so what it answers is what that unit returned.
    return this.#parts.queue.submit(name, args) as Promise<ResultOf<Units[Name]>>;
  }

  async get<Row>(sql: string, ...params: SqlValue[]): Promise<Row | undefined> {
    return this.#parts.reader.execute("get", sql, params) as Row | undefined;
  }

  async all<Row>(sql: string, ...params: SqlValue[]): Promise<Row[]> {
    return this.#parts.reader.execute("all", sql, params) as Row[];
  }

  async view<Result>(queries: () => Generator<Statement, Result, unknown>): Promise<Result> {
    return this.#parts.reader.view(queries);
  }

  async backup(toPath: string): Promise<void> {
    if (this.#closing) throw new StoreClosedError("the store is closed");
    const backup = this.#parts.backup(toPath).finally(() => this.#backups.delete(backup));
    this.#backups.add(backup);
    await backup;
  }

  get hasRoom(): boolean {
    const { reserve } = this.#parts;
    if (!reserve?.isGivenBack) return true;
    // While nothing is stored, nobody else tries.
    reserve.refillInTime();
    return false;
  }

  /** Gives up the reserve so that a full disk has room for what must be recorded; says whether there was one. */
  releaseReserve(): boolean {
    return this.#parts.reserve?.release() ?? false;
  }

  onFatal(listener: (error: Error) => void): () => void {
    this.#fatalListeners.add(listener);
    if (this.#fatal) listener(this.#fatal);
    return () => this.#fatalListeners.delete(listener);
  }

  /** Ends all work after a failure that the store cannot survive, and tells who listens. Only the first time counts. */
  fail(error: Error): void {
    if (this.#fatal) return;
    this.#fatal = error;
    this.#parts.queue.fail(error);
    for (const listener of this.#fatalListeners) listener(error);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#parts.queue.close();
    await Promise.allSettled(this.#backups);
    await this.#parts.writer.checkpoint();
    await this.#closeConnections();
    await this.#parts.reserve?.settle();
    this.#parts.lock?.[Symbol.dispose]();
  }

  /**
   * The last to leave removes the log, so that one file is left: the writer. After a failure it leaves first, since
   * the last to leave would sync once more what could not be synced.
   */
  async #closeConnections(): Promise<void> {
    const { reader, writer } = this.#parts;
    if (!this.#fatal) reader.close();
    await writer.close();
    reader.close();
  }
}
