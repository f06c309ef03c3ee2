import type Database from "better-sqlite3";
import { statSync } from "node:fs";
import { CHECKPOINT_PAGES, MAX_WAL_BYTES, WAL_GROWTH_BYTES } from "./limits.ts";
import { troubleOf } from "./sqlite-error.ts";

interface CheckpointRow {
  /** 1 when a reader stood in the way. */
  readonly busy: number;
  /** Pages in the log. */
  readonly log: number;
}

export interface WalCheckpointOptions {
  readonly database: Database.Database;
  readonly walFile: string;
  readonly busyTimeoutMs: number;
}

/**
 * Keeps the write-ahead log short. SQLite would do that inside a commit; here it is done after the callers have their
 * answers, and its errors are seen. How many pages a unit adds is not told, so it is learnt from round to round; a
 * file that grows too long all the same is emptied.
 */
export class WalCheckpoint {
  readonly #options: WalCheckpointOptions;
  readonly #passive: Database.Statement<[], CheckpointRow>;
  readonly #truncate: Database.Statement<[], CheckpointRow>;
  #unitsSince = 0;
  #unitsPerRound = 64;
  #emptyAtBytes = MAX_WAL_BYTES;

  constructor(options: WalCheckpointOptions) {
    this.#options = options;
    this.#passive = options.database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#truncate = options.database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Call after each commit. Throws when the disk fails; a full disk is no reason, the log just stays longer. */
  afterCommit(units: number): void {
    this.#unitsSince += units;
    const walBytes = statSync(this.#options.walFile, { throwIfNoEntry: false })?.size ?? 0;
    if (walBytes > this.#emptyAtBytes) unlessFull(() => this.#empty(walBytes));
    else if (this.#unitsSince >= this.#unitsPerRound) unlessFull(() => this.#copy());
  }

  /** Empties the log at the end, as far as readers let it. Throws when the disk fails. */
  finish(): void {
    unlessFull(() => this.#truncate.get());
  }

  /** Copies what no reader needs from the log any more; the next commits then start at its beginning. */
  #copy(): void {
    const { log } = this.#passive.get() ?? { log: 0 };
    // At most doubled or halved at a time, as the next units may be larger than these.
    const ratio = Math.min(2, Math.max(0.5, CHECKPOINT_PAGES / Math.max(1, log)));
    this.#unitsPerRound = Math.max(1, Math.round(this.#unitsSince * ratio));
    this.#unitsSince = 0;
  }

  /** Waits for no reader: a backup may take minutes. It is tried again when the log has grown by some more. */
  #empty(walBytes: number): void {
    const { database, busyTimeoutMs } = this.#options;
    database.pragma("busy_timeout = 0");
    try {
      const isEmpty = this.#truncate.get()?.busy === 0;
      this.#emptyAtBytes = isEmpty ? MAX_WAL_BYTES : walBytes + WAL_GROWTH_BYTES;
    } finally {
      database.pragma(`busy_timeout = ${busyTimeoutMs}`);
    }
    this.#unitsSince = 0;
  }
}

function unlessFull(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (troubleOf(error) === "broken") throw error;
  }
}
