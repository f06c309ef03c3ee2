import type { Readable } from "node:stream";

/** Keeps the end of an agent's error output. It is always read, so that an agent that complains a lot is not held. */
export class StderrTail {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(stream: Readable, maxBytes: number) {
    this.#maxBytes = maxBytes;
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => this.#keep(chunk));
  }

  get text(): string {
    return Buffer.concat(this.#chunks, this.#bytes).subarray(-this.#maxBytes).toString("utf8");
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#bytes -= this.#chunks.shift()?.length ?? 0;
    }
  }
}
