import type { Clock, Timer } from "./clock.ts";
import { DeltaEncoder } from "./codec/delta-codec.ts";
import { encodeState } from "./codec/state-codec.ts";
import type { Replica } from "./crdt/replica.ts";
import { StateError } from "./errors.ts";
import { limit } from "./limits.ts";
import type { OpenPersistence, StoredRecord } from "./persistence.ts";

/** Gets a delta of this replica: the operation before its first, its last, and the bytes. */
export type OnDelta = (from: number, to: number, bytes: Uint8Array) => void;

export interface JournalOptions {
  readonly replica: Replica;
  readonly persistence: OpenPersistence | undefined;
  readonly clock: Clock;
  /** Gets own deltas, in order, when they are stored, or at once where nothing is. */
  readonly onDelta: OnDelta;
  readonly onFailure: (error: unknown) => void;
}

/** A log is begun anew when what follows its whole state is so many times as long, and at least so long. */
const LOG_RATIO = 2;
const LEAST_LOG_BYTES = 262_144;

/**
 * What has to be stored and told: gathers it over a turn of the event loop, stores it in one commit, and then lets it be told.
 * Others hear of nothing that a crash here could take back.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #encoder = new DeltaEncoder();
  #records: StoredRecord[] = [];
  /** Whether what is stored has to be written as a whole: it lacks something that no delta tells of. */
  #isWholeDue = false;
  #bytesOfWhole = 0;
  #bytesOfLog = 0;
  #isScheduled = false;
  #timer: Timer | undefined;
  #isPausing = false;
  /** A failure that no further try will mend. */
  #endedBy: Error | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** How much was found in the log at the beginning. */
  begunWith(records: readonly StoredRecord[]): void {
    for (const { kind, bytes } of records) {
      if (kind === "state") this.#bytesOfWhole += bytes.length;
      else this.#bytesOfLog += bytes.length;
    }
  }

  /** Something was done here: it is stored and told soon. */
  changed(): void {
    if (this.#isScheduled || !this.#options.replica.isTelling) return;
    this.#isScheduled = true;
    // While a commit was a moment ago, what comes gathers until the time is over.
    if (!this.#isPausing) setImmediate(() => this.#flushScheduled());
  }

  /** Another replica's delta was applied. */
  received(delta: Uint8Array): void {
    if (!this.#options.persistence) return;
    this.#records.push({ kind: "delta", bytes: delta });
    this.changed();
  }

  /** A whole state was joined. */
  joined(): void {
    if (!this.#options.persistence) return;
    this.#isWholeDue = true;
    this.changed();
  }

  /** Stores and tells now. Throws a StateFileError when it could not be stored; then it was not told either. */
  flush(): void {
    if (this.#endedBy) throw this.#endedBy;
    const { replica, persistence, onDelta } = this.#options;
    if (persistence) return this.#flushTo(persistence);
    for (let bytes = this.#encoder.take(replica); bytes; bytes = this.#encoder.take(replica)) {
      onDelta(this.#encoder.from, this.#encoder.to, bytes);
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#endedBy ??= new Error("the journal was closed");
  }

  #flushScheduled(): void {
    this.#isScheduled = false;
    if (this.#endedBy) return;
    try {
      this.flush();
    } catch (error) {
      this.#options.onFailure(error);
    }
    if (this.#options.persistence) this.#pause();
  }

  #pause(): void {
    this.#isPausing = true;
    this.#timer = this.#options.clock.setTimer(limit("commit.everyMs"), () => {
      this.#isPausing = false;
      if (this.#isScheduled) this.#flushScheduled();
    });
  }

  #flushTo(persistence: OpenPersistence): void {
    const { replica, onDelta } = this.#options;
    const deltas: Parameters<OnDelta>[] = [];
    for (let bytes = this.#encoder.take(replica); bytes; bytes = this.#encoder.take(replica)) {
      deltas.push([this.#encoder.from, this.#encoder.to, bytes]);
    }
    const records = [...this.#records, ...deltas.map(([, , bytes]): StoredRecord => ({ kind: "delta", bytes }))];
    this.#records = [];
    this.#store(persistence, records);
    for (const [from, to, bytes] of deltas) onDelta(from, to, bytes);
  }

  #store(persistence: OpenPersistence, records: readonly StoredRecord[]): void {
    if (!this.#isWholeDue && records.length === 0) return;
    try {
      if (this.#isWholeDue || this.#isLogLong()) this.#storeWhole(persistence);
      else this.#append(persistence, records);
    } catch (error) {
      // What was gathered need not be kept: the next try stores everything. Others ask for what they were not told.
      this.#isWholeDue = true;
      if (error instanceof Error && !(error instanceof StateError && error.isRetryable)) this.#endedBy = error;
      throw error;
    }
  }

  #append(persistence: OpenPersistence, records: readonly StoredRecord[]): void {
    persistence.append(records);
    for (const { bytes } of records) this.#bytesOfLog += bytes.length;
  }

  #storeWhole(persistence: OpenPersistence): void {
    const pages = encodeState(this.#options.replica, { pageBytes: PAGE_BYTES });
    persistence.replace(pages.map((bytes) => ({ kind: "state", bytes })));
    this.#isWholeDue = false;
    this.#bytesOfLog = 0;
    this.#bytesOfWhole = pages.reduce((sum, page) => sum + page.length, 0);
  }

  #isLogLong(): boolean {
    return this.#bytesOfLog > Math.max(LEAST_LOG_BYTES, LOG_RATIO * this.#bytesOfWhole);
  }
}

const PAGE_BYTES = 1_048_576;
