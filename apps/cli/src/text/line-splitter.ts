const LONGEST_LINE = 16_384;

/** Cuts bytes, which come in pieces, into lines of text; a line of more than 16 Ki characters is cut into several. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The lines that are complete with this piece. */
  push(bytes: Uint8Array): string[] {
    return this.#cut(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What is left, once nothing more comes. */
  end(): string[] {
    const lines = this.#cut(this.#decoder.decode());
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? lines : [...lines, rest];
  }

  #cut(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    while (this.#rest.length > LONGEST_LINE) {
      lines.push(this.#rest.slice(0, LONGEST_LINE));
      this.#rest = this.#rest.slice(LONGEST_LINE);
    }
    return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  }
}
