import { mkdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../process/clock.ts";
import { LogFile, syncDirectory } from "./log-file.ts";
import type { SyncFile } from "./log-file.ts";
import { writePositions } from "./positions-file.ts";
import { readStream } from "./read-stream.ts";
import type { ReadOptions } from "./read-stream.ts";
import { checkStreamName, encodeRecord, extentOf, HEADER_BYTES, isStreamRecord } from "./record-codec.ts";
import { JOURNAL_FILE, POSITIONS_FILE, recoverSpool } from "./recover-spool.ts";
import type { RecoveredSpool } from "./recover-spool.ts";
import { Segment } from "./segment.ts";
import { isDiskFull, SpoolBrokenError, SpoolClosedError, SpoolDiskFullError } from "./spool-errors.ts";
import type { GapReason, JournalRecord, SpoolRecord, StreamRecord } from "./spool-record.ts";
import type { StreamLedger, StreamPosition } from "./stream-ledger.ts";

/** How a spool is kept. */
export interface SpoolSettings {
  readonly clock: Clock;
  /** The most bytes of output on disk, headers of 64 bytes included. Default 64 MiB. */
  readonly maxBytes?: number;
  /** When a segment is full and the next one begins, in bytes; what is deleted goes by segments. Default 1 MiB. */
  readonly segmentBytes?: number;
  /** Makes a file durable. Default fdatasync. */
  readonly fsync?: SyncFile;
  /** How long an acknowledgement may stay in memory only, and when a full disk is tried again. Default 1000. */
  readonly intervalMs?: number;
}

/** What may be appended; the spool gives output its place in its stream. */
export type SpoolAppend = JournalRecord | { readonly type: "output"; readonly stream: string; readonly bytes: Buffer };

/** What became of an append, once it is certain. */
export type AppendOutcome =
  | { readonly stored: true }
  /** The bytes are lost: counted, and told to readers by a gap. */
  | { readonly stored: false; readonly reason: GapReason };

/**
 * What one attempt has said and not yet handed over, in a directory of its own that survives the death of the runner and
 * of the machine. An append is on disk when its promise resolves: those made together share one fsync. Readers see
 * only what is durable. One process at a time may have a spool open.
 */
export class Spool implements AsyncDisposable {
  readonly directory: string;
  /** Bytes that could not be read when the spool was opened, or that readers were told of as gaps. */
  readonly damagedBytes: number;
  readonly #settings: Required<SpoolSettings>;
  readonly #recovered: RecoveredSpool;
  readonly #journal: LogFile;
  readonly #segments: Segment[];
  #firstSegment: number;
  #active: { readonly segment: Segment; readonly file: LogFile } | undefined;
  #queue: Pending[] = [];
  #queuedBytes = 0;
  /** Why output is dropped at present. */
  #fullness: "quota" | "disk_full" | undefined;
  #failure: SpoolBrokenError | SpoolClosedError | undefined;
  #closing: Promise<void> | undefined;
  #meta: unknown;
  #finish: unknown;
  /** All work on files, one after the other; it never rejects. */
  #work: Promise<void> = Promise.resolve();
  #change: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #saving: Timer | undefined;
  #retrying: Timer | undefined;

  /** Opens the spool of an attempt, or makes it: whole records are kept, damaged ones become gaps. */
  static async open(directory: string, settings: SpoolSettings): Promise<Spool> {
    const fsync: SyncFile = settings.fsync ?? ((file) => file.datasync());
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await syncDirectory(join(directory, ".."), fsync);
    const recovered = await recoverSpool(directory);
    const path = join(directory, JOURNAL_FILE);
    const journal = await LogFile.open({ path, length: recovered.journal.length, sync: fsync });
    const spool = new Spool(directory, { ...DEFAULTS, ...settings, fsync }, recovered, journal);
    spool.#tellGaps();
    await spool.#work;
    return spool;
  }

  private constructor(
    directory: string,
    settings: Required<SpoolSettings>,
    recovered: RecoveredSpool,
    journal: LogFile,
  ) {
    this.directory = directory;
    this.damagedBytes = recovered.damagedBytes;
    this.#settings = settings;
    this.#recovered = recovered;
    this.#journal = journal;
    this.#segments = recovered.segments;
    this.#firstSegment = recovered.firstSegment;
    this.#meta = recovered.journal.meta?.value;
    this.#finish = recovered.journal.finish?.value;
  }

  /** The value of the durable "meta" record; undefined before there is one. */
  get meta(): unknown {
    return this.#meta;
  }

  /** The value of the durable "finish" record; undefined before there is one. */
  get finish(): unknown {
    return this.#finish;
  }

  /** Bytes of output on disk and on their way there. */
  get usedBytes(): number {
    return this.#segments.reduce((sum, { length }) => sum + length, this.#queuedBytes);
  }

  /** Where each stream stands: its length so far with what was lost, and what is acknowledged. */
  get positions(): ReadonlyMap<string, StreamPosition> {
    return this.#ledger.positions();
  }

  /**
   * Resolves when the record is durable, or when its bytes are known to be lost: over the quota, or on a full disk. A "meta"
   * or "finish" record is never lost: on a full disk it is refused with `SpoolDiskFullError`. Rejects with
   * `SpoolBrokenError` when the disk failed and `SpoolClosedError` after closing.
   */
  async append(record: SpoolAppend): Promise<AppendOutcome> {
    if (this.#failure) throw this.#failure;
    if (record.type === "output") return this.#appendOutput(record.stream, record.bytes);

    // A reader that has seen the finish must have seen what was lost before it.
    if (record.type === "finish") this.#tellGaps();
    return this.#enqueue(record);
  }

  /** The durable records of one stream, in order; missing bytes come as gaps. Whole when read from what is acknowledged. */
  read(stream: string, options?: ReadOptions): AsyncGenerator<StreamRecord, void, undefined> {
    const source = {
      segmentFrom: (number: number) => this.#segments.find((segment) => segment.number >= number),
      acknowledged: (name: string) => this.#ledger.position(name).acknowledged,
      isEnded: () => this.#failure !== undefined || this.#finish !== undefined,
      changed: () => this.#change.promise,
    };
    return readStream(source, stream, options);
  }

  /**
   * Lets go of a stream's bytes before `offset`: the server has them. What is acknowledged is saved a little later; after
   * a crash some of it may be read again. Offsets that go back, or beyond what there is, change nothing more.
   */
  acknowledge(stream: string, offset: number): void {
    if (this.#failure || !this.#ledger.acknowledge(stream, offset)) return;
    this.#do(() => this.#releaseSegments());
    this.#saving ??= this.#settings.clock.setTimer(this.#settings.intervalMs, () => {
      this.#saving = undefined;
      this.#do(async () => void (await this.#savePositions()));
    });
  }

  /** Makes all appends durable, saves what is acknowledged and closes the files; the spool can be opened again. */
  close(): Promise<void> {
    // Whoever ends an attempt and whoever ends the runner may both close it, at the same time.
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#tellGaps();
    await this.#work;
    if (!this.#failure) await this.#savePositions();
    this.#failure = new SpoolClosedError(this.directory);
    this.#saving?.cancel();
    this.#retrying?.cancel();
    // A gap may have been told while the positions were saved: its file is to be closed as well.
    await this.#work;
    await this.#active?.file[Symbol.asyncDispose]();
    await this.#journal[Symbol.asyncDispose]();
    this.#announce();
  }

  /** Closes the spool and deletes it: the server has acknowledged the finish. The journal goes last. */
  async remove(): Promise<void> {
    await this.close();
    for (const { path } of this.#segments) await rm(path, { force: true });
    for (const name of [POSITIONS_FILE, JOURNAL_FILE]) await rm(join(this.directory, name), { force: true });
    await rm(this.directory, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #ledger(): StreamLedger {
    return this.#recovered.ledger;
  }

  async #appendOutput(stream: string, bytes: Buffer): Promise<AppendOutcome> {
    checkStreamName(stream);
    const pieces = Array.from({ length: Math.ceil(bytes.length / MAX_PIECE_BYTES) }, (_, index) =>
      bytes.subarray(index * MAX_PIECE_BYTES, (index + 1) * MAX_PIECE_BYTES),
    );
    const outcomes = await Promise.all(pieces.map((piece) => this.#appendPiece(stream, piece)));
    return outcomes.find(({ stored }) => !stored) ?? { stored: true };
  }

  #appendPiece(stream: string, bytes: Buffer): Promise<AppendOutcome> {
    const size = HEADER_BYTES + bytes.length;
    if (!this.#fullness && this.usedBytes + size > this.#settings.maxBytes) {
      this.#fullness = "quota";
      this.#do(() => this.#releaseSegments());
    }
    if (this.#fullness) {
      this.#ledger.drop(stream, bytes.length, this.#fullness);
      return Promise.resolve({ stored: false, reason: this.#fullness });
    }
    const { seq, offset } = this.#ledger.take(stream, bytes.length);
    return this.#enqueue({ type: "output", stream, seq, offset, bytes });
  }

  /** Writes a gap for all that was dropped and not told. On a disk that is still full, it stays to be told. */
  #tellGaps(): void {
    for (const gap of this.#ledger.takeGaps()) this.#enqueue(gap).catch(() => undefined);
  }

  #enqueue(record: SpoolRecord): Promise<AppendOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendOutcome>();
    const bytes = encodeRecord(record);
    this.#queue.push({ record, bytes, resolve, reject });
    if (isStreamRecord(record)) this.#queuedBytes += bytes.length;
    this.#do(() => this.#drain());
    return promise;
  }

  #do(task: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#failure ? undefined : task()))
      .catch((error: unknown) => this.#break(error));
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue[0]; next && !this.#failure; next = this.#queue[0]) {
      const batch: Pending[] = [];
      try {
        const file = isStreamRecord(next.record) ? await this.#segmentFor(next.bytes.length) : this.#journal;
        this.#takeBatch(batch, file === this.#journal ? Infinity : this.#settings.segmentBytes - file.length);
        await file.append(...batch.map(({ bytes }) => bytes));
        if (file !== this.#journal) this.#active?.segment.grow(batch.map(({ bytes }) => bytes));
        for (const pending of batch) this.#settle(pending);
        this.#announce();
      } catch (error) {
        this.#refuse([...batch, ...this.#queue.splice(0)], error);
      }
    }
  }

  /** The next records for the same file that fit, and in any case the first. */
  #takeBatch(batch: Pending[], room: number): void {
    const isForSegment = isStreamRecord(this.#queue[0]?.record ?? NO_RECORD);
    let bytes = 0;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      bytes += next.bytes.length;
      if (isStreamRecord(next.record) !== isForSegment || (batch.length > 0 && bytes > room)) return;
      batch.push(next);
      this.#queue.shift();
    }
  }

  async #segmentFor(size: number): Promise<LogFile> {
    const { segmentBytes, fsync } = this.#settings;
    const active = this.#active;
    if (active && (active.file.length === 0 || active.file.length + size <= segmentBytes)) return active.file;

    await active?.file[Symbol.asyncDispose]();
    this.#active = undefined;
    const segment = new Segment(this.directory, (this.#segments.at(-1)?.number ?? this.#firstSegment - 1) + 1);
    const file = await LogFile.open({ path: segment.path, length: 0, sync: fsync });
    this.#segments.push(segment);
    this.#active = { segment, file };
    return file;
  }

  #settle({ record, bytes, resolve }: Pending): void {
    if (isStreamRecord(record)) {
      this.#queuedBytes -= bytes.length;
      this.#active?.segment.note(extentOf(record));
    } else if (record.type === "meta") this.#meta = record.value;
    else this.#finish = record.value;
    resolve({ stored: true });
  }

  /** On a full disk, output becomes a gap to come and the rest is refused; any other failure is the spool's end. */
  #refuse(batch: readonly Pending[], error: unknown): void {
    if (!isDiskFull(error)) {
      this.#queue.unshift(...batch);
      throw error;
    }
    this.#fullness = "disk_full";
    for (const { record, bytes, resolve, reject } of batch) {
      if (!isStreamRecord(record)) {
        reject(new SpoolDiskFullError(this.directory, error));
        continue;
      }
      this.#queuedBytes -= bytes.length;
      this.#ledger.lose(extentOf(record), record.type === "gap" ? record.reason : "disk_full");
      resolve({ stored: false, reason: "disk_full" });
    }
    this.#do(() => this.#releaseSegments());
    this.#retrying ??= this.#settings.clock.setTimer(this.#settings.intervalMs, () => {
      this.#retrying = undefined;
      this.#takeOutputAgain();
    });
  }

  #takeOutputAgain(): void {
    this.#fullness = undefined;
    this.#tellGaps();
  }

  #break(error: unknown): void {
    this.#failure ??= new SpoolBrokenError(this.directory, error);
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure);
    this.#queuedBytes = 0;
    this.#announce();
  }

  /** Deletes the oldest segments, as far as all in them is acknowledged, after it is on disk that they were. */
  async #releaseSegments(): Promise<void> {
    const kept = this.#segments.findIndex(
      (segment) => !segment.isAcknowledged(this.#ledger) || this.#isWrittenOn(segment),
    );
    const released = this.#segments.slice(0, kept < 0 ? this.#segments.length : kept);
    if (released.length === 0) return;

    for (const { ends } of released) for (const [stream, end] of ends) this.#recovered.released.set(stream, end);
    this.#firstSegment = (released.at(-1)?.number ?? 0) + 1;
    // On a full disk the newest segment stays: it alone tells how far the streams have come.
    const isSaved = await this.#savePositions();
    if (!isSaved && kept < 0) released.pop();
    for (const segment of released) await this.#delete(segment);
    if (released.length > 0 && this.#fullness) this.#takeOutputAgain();
  }

  /** A new file costs more waits for the disk than it is worth to delete a small one: most output is acknowledged at once. */
  #isWrittenOn(segment: Segment): boolean {
    const { segmentBytes, maxBytes } = this.#settings;
    const isSmall = segment.length < Math.min(KEPT_BYTES, segmentBytes / 4, maxBytes / 8);
    return isSmall && segment === this.#active?.segment && this.#fullness === undefined;
  }

  async #delete(segment: Segment): Promise<void> {
    this.#segments.shift();
    if (this.#active?.segment === segment) {
      await this.#active.file[Symbol.asyncDispose]();
      this.#active = undefined;
    }
    await unlink(segment.path);
  }

  /** Whether it is on disk what is acknowledged; false only where there is no space for it. */
  async #savePositions(): Promise<boolean> {
    const streams = [...this.#ledger.positions()].map(([stream, { acknowledged }]) => {
      const { offset, seq } = this.#recovered.released.get(stream) ?? { offset: 0, seq: 1 };
      return [stream, { offset, seq, acknowledged }] as const;
    });
    const positions = { firstSegment: this.#firstSegment, streams: Object.fromEntries(streams) };
    try {
      await writePositions(join(this.directory, POSITIONS_FILE), positions, this.#settings.fsync);
      return true;
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
  }

  #announce(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

const DEFAULTS = { maxBytes: 64 * 1024 * 1024, segmentBytes: 1024 * 1024, intervalMs: 1000 };

/** Longer output is cut into several records, so that a reader never holds a large one. */
const MAX_PIECE_BYTES = 256 * 1024;

/** How large a segment must be to be deleted before it is full, when all that it holds is acknowledged. */
const KEPT_BYTES = 262_144;

const NO_RECORD: SpoolRecord = { type: "meta", value: undefined };

/** A record that waits for its batch. */
interface Pending {
  readonly record: SpoolRecord;
  readonly bytes: Buffer;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: Error) => void;
}
