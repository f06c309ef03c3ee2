const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
// oxlint-disable-next-line no-control-regex -- an escape sequence begins with one
const SGR = /\u001b\[[0-9;:]*m/y;
const NARROW_ONLY = /^[\x20-\x7e]*$/;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}]+$/u;

/** How many cells of a terminal a text takes; colours take none. */
export function widthOf(text: string): number {
  if (NARROW_ONLY.test(text)) return text.length;
  return [...cells(text)].reduce((width, cell) => width + cell.width, 0);
}

/** The beginning of a text that fits into `columns` cells, with an ellipsis where something is missing. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return "";
  let width = 0;
  let kept = "";
  let isColored = false;
  for (const cell of cells(text)) {
    if (width + cell.width > columns - 1) break;
    width += cell.width;
    kept += cell.text;
    isColored ||= cell.isColor;
  }
  return `${kept}…${isColored ? "\u001b[0m" : ""}`;
}

/** A text with spaces after it up to `columns` cells. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

interface Cell {
  readonly text: string;
  readonly width: number;
  readonly isColor: boolean;
}

function* cells(text: string): Generator<Cell> {
  for (const piece of splitColors(text)) {
    if (piece.isColor) yield { ...piece, width: 0 };
    else
      for (const { segment } of segmenter.segment(piece.text))
        yield { text: segment, width: graphemeWidth(segment), isColor: false };
  }
}

function* splitColors(text: string): Generator<{ text: string; isColor: boolean }> {
  let start = 0;
  for (let escape = text.indexOf("\u001b"); escape >= 0; escape = text.indexOf("\u001b", Math.max(start, escape + 1))) {
    SGR.lastIndex = escape;
    const color = SGR.exec(text)?.[0];
    if (color === undefined) continue;
    yield { text: text.slice(start, escape), isColor: false };
    yield { text: color, isColor: true };
    start = escape + color.length;
  }
  yield { text: text.slice(start), isColor: false };
}

function graphemeWidth(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2;
  return WITHOUT_WIDTH.test(grapheme) ? 0 : 1;
}
