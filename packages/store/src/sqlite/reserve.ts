import { rmSync } from "node:fs";
import { open, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { RESERVE_RETRY_MS } from "./limits.ts";

export interface ReserveOptions {
  readonly file: string;
  /** In bytes; 0 for no reserve. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * A file of zeros that takes up room on the disk so that it can be given back when there is none: what has to be
 * recorded then (final states, refusals) still finds a place. It comes back when the disk has room for it twice.
 */
export class Reserve {
  readonly #options: ReserveOptions;
  #isHeld = false;
  #isGivenBack = false;
  #lastTryAt = -Infinity;
  #filling: Promise<void> = Promise.resolve();

  constructor(options: ReserveOptions) {
    this.#options = options;
  }

  /** Whether the room is taken up now. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether the reserve has been given back and is not in place again: there is room for endings, not for more. */
  get isGivenBack(): boolean {
    return this.#isGivenBack;
  }

  /** Takes up the room, unless it is held or the disk has too little; that is no error. */
  async fill(): Promise<void> {
    if (this.#options.bytes === 0 || this.#isHeld) return;
    this.#lastTryAt = this.#options.now();
    this.#filling = this.#filling.then(() => this.#fillNow());
    await this.#filling;
  }

  /** Tries again when it is not held and the last try was a while ago. Call it whenever something was stored. */
  refillInTime(): void {
    if (this.#isHeld || this.#options.now() - this.#lastTryAt < RESERVE_RETRY_MS) return;
    void this.fill();
  }

  /** Gives the room back; says whether there was any. */
  release(): boolean {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    this.#isGivenBack ||= wasHeld;
    this.#lastTryAt = this.#options.now();
    rmSync(this.#options.file, { force: true });
    return wasHeld;
  }

  /** Waits for a try that is under way. */
  async settle(): Promise<void> {
    await this.#filling;
  }

  async #fillNow(): Promise<void> {
    const { file, bytes } = this.#options;
    try {
      this.#isHeld =
        (await hasSize(file, bytes)) || ((await hasRoomFor(dirname(file), bytes * 2)) && (await fillFile(file, bytes)));
      if (this.#isHeld) this.#isGivenBack = false;
    } catch {
      // A reserve is a comfort: without room for it the store works as well.
      await rm(`${file}.tmp`, { force: true });
    }
  }
}

async function hasSize(file: string, bytes: number): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.size === bytes;
}

async function hasRoomFor(directory: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize >= bytes;
}

/** Real blocks, not a hole: a hole would reserve nothing. */
async function fillFile(path: string, bytes: number): Promise<boolean> {
  const temporary = `${path}.tmp`;
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, bytes));
  {
    await using file = await open(temporary, "w", 0o600);
    for (let written = 0; written < bytes;) {
      written += (await file.write(zeros, 0, Math.min(zeros.length, bytes - written))).bytesWritten;
    }
  }
  await rename(temporary, path);
  return true;
}
