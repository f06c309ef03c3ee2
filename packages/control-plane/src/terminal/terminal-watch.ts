import type { LimitLookup, TerminalSize } from "@signalbox/protocol";

import type { Clock } from "../clock.ts";
import { RecentFrames } from "./recent-frames.ts";
import { gapFrame, noteFrame, outputFrame, type FrameMaker, type TerminalFrame } from "./terminal-frame.ts";
import type { TerminalLog } from "./terminal-log.ts";
import type { TerminalPlace } from "./terminal-places.ts";
import { strayBytes, unfinishedBytes } from "./terminal-text.ts";
import { TerminalWatcher, type TerminalSink } from "./terminal-watcher.ts";

/** Stored output of one attempt's terminal, as it came; `number` is the attempt's. */
export interface StoredPiece {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly gap?: string | undefined;
}

export interface TerminalWatchSettings {
  readonly place: TerminalPlace;
  readonly log: TerminalLog;
  readonly clock: Clock;
  readonly limits: LimitLookup;
  readonly maker: FrameMaker;
  readonly onFailure: (sink: TerminalSink, error: unknown) => void;
}

/** Where a watcher begins: at an offset, or so many bytes before the end. */
export interface WatchFrom {
  readonly offset?: number | undefined;
  readonly tail?: number | undefined;
}

/** Everybody who watches one terminal. Each frame is built once for all who are at its place. */
export class TerminalWatch {
  readonly place: TerminalPlace;
  readonly #settings: TerminalWatchSettings;
  readonly #watchers = new Map<string, TerminalWatcher>();
  readonly #recent: RecentFrames;
  readonly #loading = new Map<number, Promise<TerminalFrame>>();
  /** Stored bytes that were taken in, and the beginning of a character among them whose rest is to come. */
  #taken = 0;
  #unfinished: Uint8Array = NOTHING;
  /** The attempt that writes, and the bytes of those before it. */
  #number = 0;
  #base = 0;
  #opening: Promise<void> | undefined;
  /** Read from the store what has come meanwhile, not from the pieces that are told. */
  #isReading = true;
  #isStale = false;
  #isEnded = false;
  #finishing: Promise<void> | undefined;
  #size: string | undefined;

  constructor(settings: TerminalWatchSettings) {
    this.place = settings.place;
    this.#settings = settings;
    this.#recent = new RecentFrames(settings.limits("terminal.recentBytes"));
    const { size } = settings.place;
    this.#size = size && `${size.columns}x${size.rows}`;
  }

  get size(): number {
    return this.#watchers.size;
  }

  has(sinkId: string): boolean {
    return this.#watchers.has(sinkId);
  }

  /** Begins to send to a connection; one that watches already begins anew. */
  add(sink: TerminalSink, from: WatchFrom): void {
    this.remove(sink.id);
    const { clock, limits, onFailure } = this.#settings;
    const watcher = new TerminalWatcher({
      sink,
      begin: () => this.#startOf(from),
      clock,
      stallMs: limits("reader.stallMs"),
      pendingBytes: limits("terminal.frameBytes"),
      end: () => this.#end,
      frameAt: (at, seq) => this.#frameAt(at, seq),
      onLive: () => this.#greet(sink),
      onFailure: (error) => onFailure(sink, error),
    });
    this.#watchers.set(sink.id, watcher);
    watcher.start();
  }

  /** Sends no more to a connection. */
  remove(sinkId: string): void {
    this.#watchers.get(sinkId)?.stop();
    this.#watchers.delete(sinkId);
  }

  /** Output was stored. */
  stored(piece: StoredPiece): void {
    if (this.#isReading) this.#isStale = true;
    else if (!this.#take(piece)) this.#read();
  }

  /** Its size is this from now on. */
  resized({ columns, rows }: TerminalSize): void {
    this.#size = `${columns}x${rows}`;
    this.tell("resize", this.#size);
  }

  /** Tells everybody who keeps up something that has no place in the output. */
  tell(action: "resize" | "control", data: string): void {
    const bytes = noteFrame(this.#settings.maker, action, data);
    for (const watcher of this.#watchers.values()) watcher.note(bytes);
  }

  /** There will be no more output than is stored. */
  async finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    try {
      await this.#finishing;
    } catch (error) {
      this.#finishing = undefined;
      throw error;
    }
  }

  async #finish(): Promise<void> {
    await this.#opened();
    await this.#readStore();
    this.#flush();
    this.#isEnded = true;
    this.tell("control", "ended");
  }

  /** Up to here frames have been built. */
  get #end(): number {
    return this.#taken - this.#unfinished.length;
  }

  /** The store is read when the first watcher comes; when that fails, the next one tries again. */
  async #opened(): Promise<void> {
    this.#opening ??= this.#open();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** A watcher has come to where the terminal is now. */
  #greet(sink: TerminalSink): void {
    if (this.#size) sink.send(noteFrame(this.#settings.maker, "resize", this.#size));
    if (this.#isEnded) sink.send(noteFrame(this.#settings.maker, "control", "ended"));
  }

  async #open(): Promise<void> {
    const { log } = this.#settings;
    const attempts = await log.attempts(this.place);
    const last = attempts.at(-1);
    this.#taken = attempts.reduce((sum, { length }) => sum + length, 0);
    this.#number = last?.number ?? 0;
    this.#base = this.#taken - (last?.length ?? 0);
    const tail = await this.#tail(Math.max(this.#base, this.#taken - 3));
    this.#unfinished = tail.subarray(tail.length - unfinishedBytes(tail));
    await this.#readStore();
  }

  /** The last few bytes that were taken in. */
  async #tail(from: number): Promise<Uint8Array> {
    let bytes: Uint8Array = NOTHING;
    for (let offset = from; offset < this.#taken;) {
      const part = await this.#part(offset, undefined, this.#taken - offset);
      if (!part) return NOTHING;
      bytes = part.gap === undefined ? Buffer.concat([bytes, part.bytes]) : NOTHING;
      offset += part.length;
    }
    return bytes;
  }

  async #startOf({ offset, tail }: WatchFrom): Promise<number> {
    await this.#opened();
    const wanted = offset ?? this.#end - (tail ?? 0);
    const start = Math.min(Math.max(0, wanted), this.#end);
    if (start === 0 || start === this.#end) return start;
    const part = await this.#part(start, undefined, 4);
    // In the middle of a character: the next one is the first.
    return start + strayBytes(part?.bytes ?? NOTHING);
  }

  #read(): void {
    this.#isReading = true;
    this.#readStore().catch((error: unknown) => {
      for (const { sink } of this.#watchers.values()) this.#settings.onFailure(sink, error);
    });
  }

  /** Takes in all that the store has; afterwards pieces are taken as they are told. */
  async #readStore(): Promise<void> {
    this.#isReading = true;
    do {
      this.#isStale = false;
      let base = 0;
      for (const { number, length } of await this.#settings.log.attempts(this.place)) {
        for (let at = this.#taken; at < base + length; at = this.#taken) {
          const part = await this.#part(at, undefined, this.#settings.limits("terminal.frameBytes"));
          if (!part) break;
          this.#take({ ...part, number, offset: part.offset - base });
        }
        base += length;
      }
    } while (this.#isStale);
    this.#isReading = false;
  }

  /** Makes frames of a piece. False: something before it is missing. */
  #take(piece: StoredPiece): boolean {
    if (piece.number > this.#number) {
      this.#flush();
      this.#base = this.#taken;
      this.#number = piece.number;
    }
    const start = this.#base + piece.offset;
    const known = this.#taken - start;
    if (piece.number < this.#number || known >= piece.length) return true;
    if (known < 0) return false;
    this.#taken += piece.length - known;
    if (piece.gap === undefined) this.#output(piece.bytes.subarray(known));
    else {
      this.#flush(start + known);
      this.#publish(
        gapFrame(this.#settings.maker, { offset: start + known, length: piece.length - known, gap: piece.gap }),
      );
    }
    return true;
  }

  /** The bytes are the last that were taken in. */
  #output(bytes: Uint8Array): void {
    const { maker, limits } = this.#settings;
    const all = this.#unfinished.length === 0 ? bytes : Buffer.concat([this.#unfinished, bytes]);
    const start = this.#taken - all.length;
    const most = limits("terminal.frameBytes");
    let done = 0;
    while (done < all.length) {
      const frame = outputFrame(maker, { offset: start + done, bytes: all.subarray(done, done + most), isLast: false });
      if (!frame) break;
      done = frame.end - start;
      this.#unfinished = all.subarray(done);
      this.#publish(frame);
    }
    // A copy: what it was cut from must not stay in memory for a few bytes.
    this.#unfinished = Uint8Array.from(all.subarray(done));
  }

  /** Nothing that follows belongs to the character that was not finished. */
  #flush(end = this.#taken): void {
    const bytes = this.#unfinished;
    this.#unfinished = NOTHING;
    const frame = outputFrame(this.#settings.maker, { offset: end - bytes.length, bytes, isLast: true });
    if (frame) this.#publish(frame);
  }

  #publish(frame: TerminalFrame): void {
    this.#recent.add(frame);
    for (const watcher of this.#watchers.values()) watcher.offer(frame);
  }

  /** A frame before the end: what was built for others, or else from the store; those who want the same share it. */
  #frameAt(offset: number, seq: number | undefined): Promise<TerminalFrame> {
    const recent = this.#recent.get(offset);
    if (recent) return Promise.resolve(recent);
    const known = this.#loading.get(offset);
    if (known) return known;
    const loading = this.#load(offset, seq).finally(() => this.#loading.delete(offset));
    this.#loading.set(offset, loading);
    return loading;
  }

  async #load(offset: number, seq: number | undefined): Promise<TerminalFrame> {
    const { maker, limits } = this.#settings;
    const end = this.#end;
    const part = await this.#part(offset, seq, Math.min(limits("terminal.frameBytes"), end - offset));
    if (!part) return gapFrame(maker, { offset, length: end - offset, gap: "no longer kept" });
    const { gap, bytes, nextSeq } = part;
    if (gap !== undefined) return gapFrame(maker, { offset, length: part.length, gap, nextSeq });
    // Where frames were cut before, a character was finished or never will be.
    const isLast = part.isLast || offset + part.length === end;
    const frame =
      outputFrame(maker, { offset, bytes, isLast, nextSeq }) ?? outputFrame(maker, { offset, bytes, isLast: true });
    if (!frame) throw new Error(`the terminal of ${this.place.id} has an empty part at ${offset}`);
    this.#recent.add(frame);
    return frame;
  }

  #part(offset: number, seq: number | undefined, maxBytes: number) {
    return this.#settings.log.read(this.place, { offset, seq, maxBytes });
  }
}

const NOTHING = new Uint8Array(0);
