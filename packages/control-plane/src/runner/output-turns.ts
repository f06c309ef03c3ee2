/**
 * Lets output into the store in turn, so many bytes of it at once. Units of the store are applied in the order in which they come,
 * so whatever else is done waits behind no more output than this, however many runners send how much.
 */
export class OutputTurns {
  readonly #maxBytes: number;
  #bytes = 0;
  #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Resolves when these bytes may be stored; disposed of when they are. One is always let in, however large. */
  async enter(bytes: number): Promise<Disposable> {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes))
      await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    else this.#bytes += bytes;
    return { [Symbol.dispose]: () => this.#leave(bytes) };
  }

  #leave(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next && this.#hasRoom(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.go();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes;
  }
}
