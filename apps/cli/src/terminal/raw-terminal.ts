import { writeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

import type { TerminalSize } from "@signalbox/protocol";

import { ModeTracker } from "./mode-tracker.ts";

/** The parts of this process that are its terminal. */
export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

export interface RawTerminalListener {
  /** Something was typed. */
  readonly onKeys: (text: string) => void;
  /** The window has another size. */
  readonly onResize: (size: TerminalSize) => void;
  /** Nothing more can be typed: the input was a file or a pipe. */
  readonly onEnd: () => void;
}

/**
 * This process's terminal, lent to a program elsewhere: every key goes there, everything that it writes is shown. When it is
 * disposed of, or the process ends without that, the terminal is as it was.
 */
export class RawTerminal implements Disposable {
  /** Whether keys are read one by one. */
  readonly isRaw: boolean;
  readonly #streams: TerminalStreams;
  readonly #modes = new ModeTracker();
  readonly #listener: RawTerminalListener | undefined;
  readonly #decoder = new StringDecoder("utf8");
  #isOver = false;

  /** `listener` is left out where nobody is to type. */
  constructor(streams: TerminalStreams, listener: RawTerminalListener | undefined) {
    this.#streams = streams;
    this.#listener = listener;
    const { stdin, stdout } = streams;
    this.isRaw = listener !== undefined && stdin.isTTY === true;
    process.once("exit", this.#atExit);
    if (!listener) return;
    if (this.isRaw) stdin.setRawMode(true);
    stdin.on("data", this.#onData);
    stdin.once("end", listener.onEnd);
    if (stdout.isTTY === true) stdout.on("resize", this.#onResize);
  }

  /** How large the window is; undefined when the output is none. */
  get size(): TerminalSize | undefined {
    const { columns, rows, isTTY } = this.#streams.stdout;
    return isTTY === true && columns > 0 && rows > 0 ? { columns, rows } : undefined;
  }

  /** Shows output as it is. Resolves when there is room for more. */
  async write(text: string): Promise<void> {
    const { stdout } = this.#streams;
    if (stdout.isTTY === true) this.#modes.feed(text);
    if (!stdout.write(text)) await new Promise<void>((resolve) => stdout.once("drain", resolve));
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    process.off("exit", this.#atExit);
    const { stdin, stdout } = this.#streams;
    stdin.off("data", this.#onData);
    stdout.off("resize", this.#onResize);
    if (this.#listener) stdin.pause();
    if (this.isRaw) stdin.setRawMode(false);
    const ending = this.#modes.restore();
    if (ending !== "") stdout.write(ending);
  }

  readonly #onData = (bytes: Buffer | string): void => {
    const text = typeof bytes === "string" ? bytes : this.#decoder.write(bytes);
    if (text !== "") this.#listener?.onKeys(text);
  };

  readonly #onResize = (): void => {
    const { size } = this;
    if (size) this.#listener?.onResize(size);
  };

  /** The process ends, and nobody has disposed of this: only what is done at once is done. */
  readonly #atExit = (): void => {
    if (this.isRaw) this.#streams.stdin.setRawMode(false);
    try {
      writeSync(1, this.#modes.restore());
    } catch {
      // The window is gone: nothing is there to be restored.
    }
  };
}
