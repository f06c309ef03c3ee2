import type { Clock, Timer } from "../clock.ts";
import type { TerminalFrame } from "./terminal-frame.ts";

/** A connection, as a terminal sees it. */
export interface TerminalSink {
  /** Tells it from every other. */
  readonly id: string;
  /** Bytes that wait on its socket. */
  readonly pendingBytes: number;
  send(bytes: Buffer): void;
  /** Sends, and calls back when nothing waits any more, or the connection is gone. */
  sendAndTell(bytes: Buffer, gone: () => void): void;
  /** It does not read. */
  closeAsSlow(): void;
  /** It cannot be served now, and is to come back. */
  closeToRetry(): void;
}

export interface TerminalWatcherSettings {
  readonly sink: TerminalSink;
  /** Where it begins. */
  readonly begin: () => Promise<number>;
  readonly clock: Clock;
  /** Without progress before it is closed. */
  readonly stallMs: number;
  /** Waiting on its socket before it is held back. */
  readonly pendingBytes: number;
  /** Where the terminal is now. */
  readonly end: () => number;
  /** The frame at an offset before the end. */
  readonly frameAt: (offset: number, seq: number | undefined) => Promise<TerminalFrame>;
  /** It has caught up: what comes next is offered to it. */
  readonly onLive: () => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * One watcher of a terminal, at its own place. While it keeps up it is offered each frame as it comes; one that does not is
 * sent nothing until its socket is empty, and then reads what it missed at its own pace. Nothing is queued for it.
 */
export class TerminalWatcher {
  readonly sink: TerminalSink;
  readonly #settings: TerminalWatcherSettings;
  #offset: number | undefined;
  #seq: number | undefined;
  #isLive = false;
  #isGone = false;
  #stalling: Timer | undefined;

  constructor(settings: TerminalWatcherSettings) {
    this.sink = settings.sink;
    this.#settings = settings;
  }

  /** Begins to read. */
  start(): void {
    this.#catchUp().catch((error: unknown) => this.#settings.onFailure(error));
  }

  /** A frame has come that everybody who keeps up is to be sent. */
  offer(frame: TerminalFrame): void {
    if (!this.#isLive) return;
    this.#offset = frame.end;
    if (this.sink.pendingBytes <= this.#settings.pendingBytes) return this.sink.send(frame.bytes);
    this.#isLive = false;
    void this.#deliver(frame.bytes).then(() => this.start());
  }

  /** Something that has no place in the output; a watcher that is held back does without. */
  note(bytes: Buffer): void {
    if (this.#isLive) this.sink.send(bytes);
  }

  /** The connection is gone, or watches no more. */
  stop(): void {
    this.#isGone = true;
    this.#isLive = false;
    this.#stalling?.cancel();
  }

  async #catchUp(): Promise<void> {
    const { begin, end, frameAt, onLive } = this.#settings;
    let offset = (this.#offset ??= await begin());
    while (!this.#isGone && offset < end()) {
      const frame = await frameAt(offset, this.#seq);
      await this.#deliver(frame.bytes);
      this.#offset = offset = frame.end;
      this.#seq = frame.nextSeq ?? this.#seq;
    }
    if (this.#isGone) return;
    this.#isLive = true;
    onLive();
  }

  async #deliver(bytes: Buffer): Promise<void> {
    if (this.#isGone) return;
    const { clock, stallMs } = this.#settings;
    this.#stalling = clock.setTimer(stallMs, () => this.sink.closeAsSlow());
    await new Promise<void>((resolve) => this.sink.sendAndTell(bytes, resolve));
    this.#stalling.cancel();
  }
}
