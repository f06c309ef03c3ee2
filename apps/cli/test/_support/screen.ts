/**
 * As much of a terminal as the live view uses: it fails on any other order, so that a test that reads the screen also
 * proves that nothing else was sent.
 */
export class Screen {
  readonly columns: number;
  readonly rows: number;
  isCursorVisible = true;
  /** Lines that have left at the top, then those on the screen. */
  readonly #lines: string[] = [""];
  #row = 0;
  #column = 0;
  #rest = "";

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** All that was ever shown and not drawn over, without empty lines at the end. */
  text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join("\n")
      .trimEnd();
  }

  write(text: string): void {
    const tokens =
      (this.#rest + text).match(
        // oxlint-disable-next-line no-control-regex -- control characters are what a terminal is about
        /\u001b\[[0-9;?:]*[A-Za-z]|\u001b(?:\[[0-9;?:]*)?$|[\r\n\u0007\b]|[^\u0000-\u001f]+|[\s\S]/g,
      ) ?? [];
    this.#rest =
      tokens.at(-1)?.startsWith("\u001b") === true && !/[A-Za-z]$/.test(tokens.at(-1) ?? "")
        ? (tokens.pop() ?? "")
        : "";
    for (const token of tokens) this.#take(token);
  }

  #take(token: string): void {
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#down();
    else if (token === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (token.startsWith("\u001b[")) this.#obey(token.slice(2, -1), token.at(-1) ?? "");
    // oxlint-disable-next-line no-control-regex -- as above
    else if (/[\u0000-\u001f]/.test(token)) throw new Error(`the terminal got ${JSON.stringify(token)}`);
    else for (const character of token) this.#put(character);
  }

  #obey(parameters: string, order: string): void {
    const count = Number(parameters || "1");
    const line = this.#lines[this.#row] ?? "";
    if (order === "m") return;
    if (order === "A") this.#row = Math.max(this.#top(), this.#row - count);
    else if (order === "G") this.#column = count - 1;
    else if (order === "K") this.#lines[this.#row] = line.slice(0, this.#column);
    else if (order === "J") this.#lines.splice(this.#row, Infinity, line.slice(0, this.#column));
    else if ((order === "h" || order === "l") && parameters === "?25") this.isCursorVisible = order === "h";
    else if ((order === "h" || order === "l") && /^\?(2026|2004)$/.test(parameters)) return;
    else throw new Error(`the terminal got ESC[${parameters}${order}`);
  }

  #put(character: string): void {
    if (this.#column >= this.columns) {
      this.#down();
      this.#column = 0;
    }
    const line = (this.#lines[this.#row] ?? "").padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #down(): void {
    this.#row++;
    this.#lines[this.#row] ??= "";
  }

  #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }
}
