import { mkdir, open, opendir, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { StorageFullError } from "../errors.ts";
import { requireBlobName } from "./blob-name.ts";
import type { BlobRange, BlobSize, BlobStore, PutBlobOptions } from "./blob-store.ts";
import { checkBytes } from "./checked-bytes.ts";
import { DirectorySync } from "./directory-sync.ts";

export interface FileBlobStoreOptions {
  /** The folder that holds the blobs and nothing else; made when it is missing. */
  readonly directory: string;
  /** Milliseconds since the epoch; only used to tell how old an abandoned file is. Default the system's clock. */
  readonly now?: () => number;
}

const TEMPORARY = "tmp";
const SHARD_DIGITS = 2;
const NO_ROOM = ["ENOSPC", "EDQUOT", "EROFS"];

/** Blobs as files: `ab/cdef…`, written beside, made durable and only then given their name. */
export class FileBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #temporary: string;
  readonly #now: () => number;
  readonly #directorySync = new DirectorySync();
  readonly #folders = new Map<string, Promise<void>>();

  constructor({ directory, now = Date.now }: FileBlobStoreOptions) {
    this.#directory = directory;
    this.#temporary = join(directory, TEMPORARY);
    this.#now = now;
  }

  async put(sha256: string, source: AsyncIterable<Uint8Array>, { maxBytes }: PutBlobOptions): Promise<BlobSize> {
    const path = this.#pathOf(sha256);
    try {
      if ((await this.size(sha256)) !== undefined) return { size: await this.#confirm(sha256, path, source, maxBytes) };
      return { size: await this.#write(sha256, path, source, maxBytes) };
    } catch (error) {
      throw isNoRoom(error) ? new StorageFullError(`no room for the blob ${sha256}`, { sha256 }) : error;
    }
  }

  async get(sha256: string, range: BlobRange = {}): Promise<Readable | undefined> {
    const file = await orUndefined(open(this.#pathOf(sha256), "r"));
    return file?.createReadStream({ ...range });
  }

  async has(sha256s: readonly string[]): Promise<Set<string>> {
    const sizes = await Promise.all(sha256s.map((sha256) => this.size(sha256)));
    return new Set(sha256s.filter((_, index) => sizes[index] !== undefined));
  }

  async size(sha256: string): Promise<number | undefined> {
    return (await orUndefined(stat(this.#pathOf(sha256))))?.size;
  }

  async delete(sha256: string): Promise<boolean> {
    const path = this.#pathOf(sha256);
    if ((await orUndefined(rm(path).then(() => true))) === undefined) return false;
    await this.#directorySync.sync(dirname(path));
    return true;
  }

  async *list(): AsyncIterable<string> {
    for (const shard of (await orUndefined(readdir(this.#directory))) ?? []) {
      if (shard.length !== SHARD_DIGITS) continue;
      for await (const { name } of await opendir(join(this.#directory, shard))) yield shard + name;
    }
  }

  async sweep(olderThanMs: number): Promise<number> {
    let removed = 0;
    for (const name of (await orUndefined(readdir(this.#temporary))) ?? []) {
      const path = join(this.#temporary, name);
      const file = await orUndefined(stat(path));
      if (!file || this.#now() - file.mtimeMs <= olderThanMs) continue;
      await rm(path, { force: true });
      removed += 1;
    }
    return removed;
  }

  #pathOf(sha256: string): string {
    requireBlobName(sha256);
    return join(this.#directory, sha256.slice(0, SHARD_DIGITS), sha256.slice(SHARD_DIGITS));
  }

  /** The blob is there, but the put that brought it may not have made its name durable yet. */
  async #confirm(sha256: string, path: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
    const size = await checkBytes(sha256, source, maxBytes, () => {});
    await this.#directorySync.sync(dirname(path));
    return size;
  }

  /** Two puts of one blob write two files; the second rename puts the same bytes in the place of the first. */
  async #write(sha256: string, path: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
    await this.#folderFor(dirname(path));
    const temporary = join(this.#temporary, randomUUID());
    try {
      const size = await writeDurably(temporary, (file) => {
        return checkBytes(sha256, source, maxBytes, (chunk) => writeAll(file, chunk));
      });
      await rename(temporary, path);
      await this.#directorySync.sync(dirname(path));
      return size;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Made durable once for each process: a folder that is there may be one that an earlier process had no time to sync. */
  #folderFor(shard: string): Promise<void> {
    const ready = this.#folders.get(shard) ?? this.#makeFolder(shard);
    this.#folders.set(shard, ready);
    return ready;
  }

  async #makeFolder(shard: string): Promise<void> {
    try {
      await mkdir(this.#temporary, { recursive: true, mode: 0o700 });
      await mkdir(shard, { recursive: true, mode: 0o700 });
      await Promise.all([this.#directory, dirname(this.#directory)].map((path) => this.#directorySync.sync(path)));
    } catch (error) {
      this.#folders.delete(shard);
      throw error;
    }
  }
}

async function writeDurably(path: string, write: (file: FileHandle) => Promise<number>): Promise<number> {
  await using file = await open(path, "wx", 0o600);
  const size = await write(file);
  await file.sync();
  return size;
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.byteLength;) {
    written += (await file.write(chunk, written)).bytesWritten;
  }
}

/** What is not there is `undefined`; every other failure stays one. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isNoRoom(error: unknown): boolean {
  return NO_ROOM.includes((error as NodeJS.ErrnoException).code ?? "");
}
