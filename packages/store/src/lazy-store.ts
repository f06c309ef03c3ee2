import { MemoryBlobStore } from "./blobs/memory-blob-store.ts";
import type { Store } from "./store.ts";
import type { ArgsOf, ResultOf, SqlValue, Statement, UnitMap } from "./unit.ts";

/** A store in memory that is opened at its first use, for those who are made in one breath: `new RunnerHandler()`. */
export class LazyStore<Units extends UnitMap> implements Store<Units> {
  readonly blobs = new MemoryBlobStore();
  readonly hasRoom = true;
  readonly #open: () => Promise<Store<Units>>;
  #opened: Promise<Store<Units>> | undefined;

  constructor(open: () => Promise<Store<Units>>) {
    this.#open = open;
  }

  async run<Name extends keyof Units & string>(name: Name, args: ArgsOf<Units[Name]>): Promise<ResultOf<Units[Name]>> {
    return (await this.#store()).run(name, args);
  }

  async get<Row>(sql: string, ...params: SqlValue[]): Promise<Row | undefined> {
    return (await this.#store()).get<Row>(sql, ...params);
  }

  async all<Row>(sql: string, ...params: SqlValue[]): Promise<Row[]> {
    return (await this.#store()).all<Row>(sql, ...params);
  }

  async view<Result>(queries: () => Generator<Statement, Result, unknown>): Promise<Result> {
    return (await this.#store()).view(queries);
  }

  async backup(toPath: string): Promise<void> {
    await (await this.#store()).backup(toPath);
  }

  /** What is in memory does not fail for good. */
  onFatal(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    await (await this.#opened)?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #store(): Promise<Store<Units>> {
    return (this.#opened ??= this.#open());
  }
}
