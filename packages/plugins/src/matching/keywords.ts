/**
 * The words of a text, ready to be compared: letters, digits and marks that stand together, in one letter case and one form
 * of Unicode. `C#` and `C++` are words; everything else between words only divides them, so `rest-api` and `REST API` are
 * the same two. In scripts that write no spaces each character is a word.
 */
export function wordsOf(text: string): string[] {
  return (text.normalize("NFKC").match(WORD) ?? []).map(foldCase);
}

/** The words of a text, to be asked for keywords. */
export class KeywordIndex {
  readonly #words: readonly string[];
  readonly #known: ReadonlySet<string>;

  constructor(text: string) {
    this.#words = wordsOf(text);
    this.#known = new Set(this.#words);
  }

  /** Whether a keyword's words, as `wordsOf` has them, stand in the text, next to each other; no words never do. */
  has(words: readonly string[]): boolean {
    if (words.length === 0 || !words.every((word) => this.#known.has(word))) return false;
    return words.length === 1 || includesRow(this.#words, words);
  }
}

const SPACELESS = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const LETTER = String.raw`[[\p{L}\p{N}\p{M}_]--[${SPACELESS}]]`;
/** No part of it can match in two ways, so it reads a text once. */
const WORD = new RegExp(`[${SPACELESS}]|${LETTER}+(?:[+#]{1,2}(?![+#]|${LETTER}))?`, "gv");

/** Upper case first: it tells `ß` and `SS`, and the two small sigmas, to be the same. */
function foldCase(word: string): string {
  return word.toUpperCase().toLowerCase();
}

/** Knuth, Morris and Pratt: after a mismatch it knows how much of the row it has already seen, so `text` is read once. */
function includesRow(text: readonly string[], row: readonly string[]): boolean {
  const borders = bordersOf(row);
  let seen = 0;
  for (const word of text) {
    while (seen > 0 && word !== row[seen]) seen = borders[seen - 1] ?? 0;
    if (word === row[seen]) seen++;
    if (seen === row.length) return true;
  }
  return false;
}

/** For each beginning of a row, how long the longest shorter beginning is that it also ends with. */
function bordersOf(row: readonly string[]): number[] {
  const borders = [0];
  let length = 0;
  for (let i = 1; i < row.length; i++) {
    while (length > 0 && row[i] !== row[length]) length = borders[length - 1] ?? 0;
    if (row[i] === row[length]) length++;
    borders.push(length);
  }
  return borders;
}
