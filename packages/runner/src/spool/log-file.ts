import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes what was written to a file durable. Default: fdatasync. */
export type SyncFile = (file: FileHandle) => Promise<void>;

/** A file that only grows, by whole batches: a batch is durable when `append` resolves, or not there at all. */
export class LogFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #sync: SyncFile;
  #length: number;

  private constructor({
    path,
    file,
    sync,
    length,
  }: {
    path: string;
    file: FileHandle;
    sync: SyncFile;
    length: number;
  }) {
    this.path = path;
    this.#file = file;
    this.#sync = sync;
    this.#length = length;
  }

  /** Opens or makes a file, cuts it to `length` bytes, and makes its name durable. */
  static async open({ path, length, sync }: { path: string; length: number; sync: SyncFile }): Promise<LogFile> {
    const file = await open(path, "a", 0o600);
    try {
      await file.truncate(length);
      await sync(file);
      await syncDirectory(dirname(path), sync);
      return new LogFile({ path, file, sync, length });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many bytes are durable. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes a batch and makes it durable. When writing fails, what was written of it is cut off again before the error
   * is thrown; a failed fsync throws `SyncFailedError`, and then nothing is known.
   */
  async append(...batch: Buffer[]): Promise<void> {
    const bytes = batch.reduce((sum, { length }) => sum + length, 0);
    try {
      const { bytesWritten } = await this.#file.writev(batch);
      if (bytesWritten < bytes) await this.#writeRest(Buffer.concat(batch), bytesWritten);
    } catch (error) {
      await this.#file.truncate(this.#length);
      throw error;
    }
    await this.#sync(this.#file).catch((cause: unknown) => {
      throw new SyncFailedError(this.path, cause);
    });
    this.#length += bytes;
  }

  /** A disk that is nearly full may take a part only; the next write then says why. */
  async #writeRest(batch: Buffer, from: number): Promise<void> {
    for (let written = from; written < batch.length;) {
      written += (await this.#file.write(batch, written)).bytesWritten;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Says that an fsync failed: what was written since the last one may or may not be there after a power cut. */
export class SyncFailedError extends Error {
  override readonly name = "SyncFailedError";

  constructor(path: string, cause: unknown) {
    super(`fsync of ${path} failed`, { cause });
  }
}

/** Makes the names in a directory durable: a new file may be gone after a power cut without it (fsync(2)). */
export async function syncDirectory(path: string, sync: SyncFile): Promise<void> {
  await using directory = await open(path, "r");
  await sync(directory);
}
