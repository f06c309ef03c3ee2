const MAX_LENGTH = 80;
/** Control, format (bidi and zero-width among them) and private characters, lone surrogates, line separators. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * A value from outside as a short piece of one line: what cannot be seen is shown as an escape, so that a message about
 * hostile input cannot be misread, and what is long is cut.
 */
export function printable(value: unknown): string {
  if (typeof value === "string") return clip(JSON.stringify(clip(value)).replace(HIDDEN, escaped));
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : clip(String(value as Scalar));
}

/** The same without quotation marks, for names inside a sentence. */
export function printableName(name: string): string {
  return clip(name.replace(HIDDEN, escaped));
}

type Scalar = number | bigint | boolean | symbol | null;

function clip(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
