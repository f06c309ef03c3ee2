import type { ServerResponse } from "node:http";

import { limit } from "@signalbox/protocol";

/** How readers of streams are treated; the defaults are the limits of the product. */
export interface ReaderSettings {
  readonly pendingBytes: number;
  readonly stallMs: number;
  readonly keepAliveMs: number;
  /** How often an open stream asks whether its credential still stands. */
  readonly revocationMs: number;
}

export const READER_SETTINGS: ReaderSettings = {
  pendingBytes: limit("reader.pendingBytes"),
  stallMs: limit("reader.stallMs"),
  keepAliveMs: limit("reader.keepAliveMs"),
  revocationMs: limit("revocation.ms"),
};

/** Why a stream is over: its own end, the reader left, was too slow, lost its rights, the server stops, the source broke. */
export type StreamEnd = "done" | "left" | "slow_consumer" | "revoked" | "shutdown" | "failed";

/**
 * One reader of a stream. It holds no queue: the source is asked for more only while less than `pendingBytes` wait on
 * the socket. A reader that takes nothing for `stallMs` is cut off and comes back with its cursor.
 */
export class EventStream {
  readonly #outgoing: ServerResponse;
  readonly #settings: ReaderSettings;
  readonly #onEnd: (end: StreamEnd) => void;
  readonly #isStillGood: () => Promise<boolean>;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #end: StreamEnd | undefined;
  #isOpen = false;
  #hasComments = false;
  #wake: (() => void) | undefined;
  #pending = 0;
  #progressAt = performance.now();
  #writtenAt = performance.now();
  #checkedAt = performance.now();

  constructor({
    outgoing,
    settings,
    isStillGood,
    onEnd,
  }: {
    outgoing: ServerResponse;
    settings: ReaderSettings;
    isStillGood: () => Promise<boolean>;
    onEnd: (end: StreamEnd) => void;
  }) {
    this.#outgoing = outgoing;
    this.#settings = settings;
    this.#isStillGood = isStillGood;
    this.#onEnd = onEnd;
    outgoing.on("drain", () => this.#resume());
    outgoing.on("close", () => this.close("left"));
    const everyMs = Math.min(settings.keepAliveMs, settings.stallMs / 4, settings.revocationMs / 2);
    this.#timer = setInterval(() => void this.#look(), everyMs).unref();
    if (outgoing.destroyed) this.close("left");
  }

  /** Aborted when the stream is over, whatever the reason: what is read from must let go. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Sends the headers at once, so that the reader knows that it is connected. Only event streams have comments. */
  open(status: number, headers: Record<string, string>, { hasComments = false } = {}): void {
    if (this.#end !== undefined) return;
    this.#isOpen = true;
    this.#hasComments = hasComments;
    this.#outgoing.writeHead(status, headers);
    this.#outgoing.flushHeaders();
  }

  /** Writes, and waits until there is room for more. False once the stream is over. */
  async write(data: string | Uint8Array): Promise<boolean> {
    if (this.#end !== undefined) return false;
    this.#outgoing.write(data);
    this.#writtenAt = performance.now();
    if (this.#pending === 0) this.#progressAt = this.#writtenAt;
    this.#pending = this.#outgoing.writableLength;
    if (this.#pending >= this.#settings.pendingBytes) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#end === undefined;
  }

  /** Ends the stream; what is written already still reaches a reader that reads. Unopened, it leaves the answer to others. */
  close(end: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearInterval(this.#timer);
    if (this.#isOpen && (end === "slow_consumer" || end === "failed")) this.#outgoing.destroy();
    else if (this.#isOpen) this.#outgoing.end();
    this.#abort.abort();
    this.#resume();
    this.#onEnd(end);
  }

  /** Writes all that a source has, and ends. A source that breaks cuts the connection, so that nobody takes it for the end. */
  async carry(source: AsyncIterable<string | Uint8Array>): Promise<void> {
    try {
      for await (const data of source) if (!(await this.write(data))) return;
      this.close("done");
    } catch (error) {
      if (this.#end !== undefined) return;
      this.close("failed");
      throw error;
    }
  }

  #resume(): void {
    this.#pending = this.#outgoing.writableLength;
    this.#progressAt = performance.now();
    this.#wake?.();
    this.#wake = undefined;
  }

  async #look(): Promise<void> {
    const now = performance.now();
    const pending = this.#outgoing.writableLength;
    if (pending === 0 || pending < this.#pending) this.#progressAt = now;
    this.#pending = pending;
    if (now - this.#progressAt >= this.#settings.stallMs) return this.close("slow_consumer");
    if (this.#hasComments && pending === 0 && now - this.#writtenAt >= this.#settings.keepAliveMs * 0.9) {
      this.#outgoing.write(": keep-alive\n\n");
      this.#writtenAt = now;
    }
    if (now - this.#checkedAt < this.#settings.revocationMs / 2) return;
    this.#checkedAt = now;
    // A store that cannot answer is no proof that a credential was taken away.
    if (!(await this.#isStillGood().catch(() => true))) this.close("revoked");
  }
}
