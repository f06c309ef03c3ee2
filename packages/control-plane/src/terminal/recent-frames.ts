import type { TerminalFrame } from "./terminal-frame.ts";

/** The frames of a terminal that were sent last, for watchers that are a little behind. */
export class RecentFrames {
  readonly #maxBytes: number;
  readonly #frames = new Map<number, TerminalFrame>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The frame that begins at an offset. */
  get(offset: number): TerminalFrame | undefined {
    return this.#frames.get(offset);
  }

  add(frame: TerminalFrame): void {
    this.#drop(frame.offset);
    this.#frames.set(frame.offset, frame);
    this.#bytes += frame.bytes.length;
    for (const offset of this.#frames.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#drop(offset);
    }
  }

  #drop(offset: number): void {
    const frame = this.#frames.get(offset);
    if (!frame) return;
    this.#frames.delete(offset);
    this.#bytes -= frame.bytes.length;
  }
}
