import type Database from "better-sqlite3";
import { statSync } from "node:fs";
import { CHECKPOINT_PAGES, MAX_WAL_BYTES } from "./limits.ts";
import { troubleOf } from "./sqlite-error.ts";

interface CheckpointRow {
  /** Pages in the log, and how many of them are in the database now. */
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Keeps the write-ahead log short. SQLite would do that inside a commit; here it is done after the callers have their
 * answers, and its errors are seen. How many pages a commit adds is not told, so it is learnt from the last round.
 */
export class WalCheckpoint {
  readonly #checkpoint: Database.Statement<[], CheckpointRow>;
  readonly #truncate: Database.Statement<[], CheckpointRow>;
  readonly #walFile: string;
  #unitsSince = 0;
  #unitsPerRound = 64;

  constructor(database: Database.Database, walFile: string) {
    this.#checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#truncate = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#walFile = walFile;
  }

  /** Call after each commit. Throws when the disk fails; a full disk is no reason, the log just stays longer. */
  afterCommit(units: number): void {
    this.#unitsSince += units;
    if (this.#unitsSince < this.#unitsPerRound) return;
    try {
      this.#run();
    } catch (error) {
      if (troubleOf(error) === "broken") throw error;
    }
  }

  /** Empties the log, as far as readers let it. */
  finish(): void {
    this.#truncate.get();
  }

  #run(): void {
    const isTooLong = (statSync(this.#walFile, { throwIfNoEntry: false })?.size ?? 0) > MAX_WAL_BYTES;
    const { log } = (isTooLong ? this.#truncate : this.#checkpoint).get() ?? { log: 0 };
    this.#learn(log);
    this.#unitsSince = 0;
  }

  /** At most doubled or halved at a time, as the next units may be larger than these. */
  #learn(pages: number): void {
    const ratio = Math.min(2, Math.max(0.5, CHECKPOINT_PAGES / Math.max(1, pages)));
    this.#unitsPerRound = Math.max(1, Math.round(this.#unitsSince * ratio));
  }
}
