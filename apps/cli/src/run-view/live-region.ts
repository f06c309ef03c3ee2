import type { TextStream } from "../output.ts";
import { terminalText } from "../text/remote-text.ts";
import { widthOf } from "../text/width.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
// Terminals that know these two show what is between them at once; the others pass over them.
const BEGIN_UPDATE = "\u001b[?2026h";
const END_UPDATE = "\u001b[?2026l";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/**
 * The last lines of a terminal, drawn over and over in place. Only lines that changed are written, so nothing
 * flickers; the cursor is hidden from the first drawing until `close`.
 */
export class LiveRegion implements Disposable {
  readonly #stream: TextStream;
  #drawn: readonly string[] = [];
  #columns: number | undefined;
  #isOpen = false;

  constructor(stream: TextStream) {
    this.#stream = stream;
  }

  /** Puts these lines where the last ones were. None may be wider, nor all be taller, than the terminal. */
  draw(words: readonly string[]): void {
    const lines = words.map((line) => terminalText(line, true));
    const isResized = this.#columns !== undefined && this.#columns !== this.#stream.columns;
    const up = this.#heightOfDrawn();
    const kept = isResized ? [] : this.#drawn;
    const text = lines.map((line, index) => (line === kept[index] ? "\n" : `${line}${CLEAR_LINE}\n`)).join("");
    const begin = `${BEGIN_UPDATE}${this.#isOpen ? "" : HIDE_CURSOR}${up > 0 ? `\r\u001b[${up}A` : "\r"}`;
    this.#stream.write(`${begin}${text}${isResized || up > lines.length ? CLEAR_BELOW : ""}${END_UPDATE}`);
    this.#isOpen = true;
    this.#drawn = lines;
    this.#columns = this.#stream.columns;
  }

  /** Leaves the lines as they are, and gives the cursor back below them. */
  close(): void {
    if (this.#isOpen) this.#stream.write(SHOW_CURSOR);
    this.#isOpen = false;
    this.#drawn = [];
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** In rows of the terminal as it is now: one that became narrower has broken lines that were too wide into several. */
  #heightOfDrawn(): number {
    const columns = this.#stream.columns ?? 80;
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  }
}
