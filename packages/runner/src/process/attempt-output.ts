import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";

/**
 * One output stream of a process, as bytes. While nobody reads, at most about 256 KiB wait in memory, and then the process
 * waits. It ends when the last holder of the pipe closes it, or when it is cut off.
 */
export class AttemptOutput {
  /** What to read from: `for await`, or `pause` and `resume`. A reader always comes to an end. */
  readonly bytes: Readable;
  /** Resolves when the end has come: true by itself, false when it was cut off. */
  readonly ended: Promise<boolean>;
  readonly #source: Readable;
  readonly #target: PassThrough;
  #isClosed = false;
  #finish: (isWhole: boolean) => void = () => undefined;

  /** `isEnd` tells errors of the source that are how its end is told. */
  constructor(source: Readable, isEnd: (error: Error) => boolean = () => false) {
    this.#source = source;
    this.#target = new PassThrough({ highWaterMark: 64 * 1024 });
    this.bytes = this.#target;
    this.ended = new Promise((resolve) => (this.#finish = resolve));
    source.once("end", () => this.#finish(true));
    // A pipe that breaks has no end of its own, so its reader is given one.
    source.once("error", (error) => this.#close(isEnd(error)));
    source.pipe(this.#target);
  }

  /** Stops reading from the pipe; what has been read from it can still be read here. After the end it does nothing. */
  cut(): void {
    this.#close(false);
  }

  #close(isWhole: boolean): void {
    if (this.#source.readableEnded || this.#isClosed) return;
    this.#isClosed = true;
    this.#source.unpipe(this.#target);
    for (let rest: unknown = this.#source.read(); rest !== null; rest = this.#source.read()) this.#target.write(rest);
    this.#source.destroy();
    this.#target.end();
    this.#finish(isWhole);
  }
}
