import { encodeOutputFrame, type OutputStream } from "@signalbox/protocol";
import { crc32 } from "node:zlib";

/** A piece of kept output: its bytes, or a gap that stands for `length` lost ones. */
export interface OutputPiece {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly gap?: string | undefined;
}

/** Where one attempt's output is kept until it is acknowledged. */
export interface OutputSource {
  readonly attemptId: string;
  readonly epoch: number;
  /** The streams that have output, and how far each goes. */
  lengths(): ReadonlyMap<OutputStream, number>;
  /** Everything before it is stored by the control plane. */
  acknowledged(stream: OutputStream): number;
  acknowledge(stream: OutputStream, offset: number): void;
  /** The piece that begins at `offset`, at most `maxBytes` long; undefined when there is none yet. */
  read(stream: OutputStream, offset: number, maxBytes: number): Promise<OutputPiece | undefined>;
}

/** How much may be under way, and in what pieces. */
export interface OutputWindow {
  readonly windowBytes: number;
  readonly frameBytes: number;
}

/** Sends one attempt's output within the window, from the acknowledged offset on, as often as it takes. */
export class OutputSender {
  readonly source: OutputSource;
  readonly #sent = new Map<OutputStream, number>();
  #isPumping = false;
  #isAgain = false;
  #isPaused = false;

  constructor(source: OutputSource) {
    this.source = source;
  }

  /** Whether everything that there is has been acknowledged. */
  get isDelivered(): boolean {
    return [...this.source.lengths()].every(([stream, length]) => this.source.acknowledged(stream) >= length);
  }

  /** A new connection: what was sent and not acknowledged is sent again. */
  rewind(): void {
    this.#sent.clear();
    this.#isPaused = false;
  }

  /** The control plane lacks everything from `offset` on. */
  resume(stream: OutputStream, offset: number): void {
    this.#sent.set(stream, offset);
  }

  acknowledge(stream: OutputStream, offset: number): void {
    // More than was ever written cannot be stored; believing it would skip output.
    const length = this.source.lengths().get(stream) ?? 0;
    if (offset > length) return;
    if (offset > this.source.acknowledged(stream)) this.source.acknowledge(stream, offset);
    if (offset > (this.#sent.get(stream) ?? 0)) this.#sent.set(stream, offset);
  }

  /** Nothing is sent until `proceed`, or until there is a new connection; then everything that is not acknowledged. */
  pause(): void {
    this.#isPaused = true;
  }

  proceed(): void {
    if (this.#isPaused) this.rewind();
  }

  /**
   * Sends what may be sent now. `send` answers false when the connection is gone. Streams take turns, up to where they were when
   * their round began: none keeps another waiting for long, and what the control plane acts on comes after the words that
   * were said before it.
   */
  async pump(window: OutputWindow, send: (frame: Uint8Array) => boolean): Promise<void> {
    this.#isAgain = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#isAgain) {
        this.#isAgain = false;
        const ends = new Map(this.source.lengths());
        for (const stream of inTurn(ends)) {
          while (!this.#isPaused && (await this.#sendOne(stream, ends.get(stream) ?? 0, window, send)));
        }
      }
    } finally {
      this.#isPumping = false;
    }
  }

  async #sendOne(
    stream: OutputStream,
    end: number,
    window: OutputWindow,
    send: (frame: Uint8Array) => boolean,
  ): Promise<boolean> {
    const from = this.#sentOf(stream);
    const room = window.windowBytes - this.#underWay();
    if (from >= end || room <= 0) return false;
    const piece = await this.source.read(stream, from, Math.min(window.frameBytes, room, end - from));
    if (!piece) return false;
    // While it was being read, an answer may have asked for another place.
    if (this.#sentOf(stream) !== from) return true;
    const { attemptId, epoch } = this.source;
    const { offset, length, bytes, gap } = piece;
    const frame = { attemptId, epoch, stream, offset, length, crc32: crc32(bytes), bytes };
    if (!send(encodeOutputFrame(gap === undefined ? frame : { ...frame, gap }))) return false;
    this.#sent.set(stream, offset + length);
    return true;
  }

  #sentOf(stream: OutputStream): number {
    return this.#sent.get(stream) ?? this.source.acknowledged(stream);
  }

  #underWay(): number {
    let bytes = 0;
    for (const stream of this.source.lengths().keys())
      bytes += Math.max(0, this.#sentOf(stream) - this.source.acknowledged(stream));
    return bytes;
  }
}

/** The facts of a session last: a turn is over when all its words are there. */
function inTurn(streams: ReadonlyMap<OutputStream, number>): readonly OutputStream[] {
  return [...streams.keys()].sort((a, b) => Number(a === "session") - Number(b === "session"));
}
