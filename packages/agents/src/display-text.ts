/** How a text will be shown. */
export interface DisplayTextOptions {
  /** Keep line breaks and tabs as they are. Default false: they are shown as escapes, and the text is one line. */
  readonly isMultiline?: boolean;
}

/**
 * A text as it may be shown to somebody who decides on it: control characters, among them those that begin terminal
 * escape sequences, marks that turn the direction of writing, and characters without width come out as visible escapes
 * (`\u{1b}`). Nothing is left out, so that what is hidden in a text shows. Other characters stay as they are.
 */
export function displayText(text: string, { isMultiline = false }: DisplayTextOptions = {}): string {
  return text.replace(UNSEEN, (character) => (isMultiline && KEPT.has(character) ? character : escapeOf(character)));
}

/** Controls, format marks (bidi, zero width, tags), separators of lines, fillers that look empty, lone surrogates. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Variation_Selector}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{2800}]|\u{34f}|\u{17b4}|\u{17b5}/gu;
const KEPT: ReadonlySet<string> = new Set(["\n", "\t"]);
const SHORT: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escapeOf(character: string): string {
  return SHORT.get(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
