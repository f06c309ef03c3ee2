import { FORM, type Form } from "../crdt/kinds.ts";
import { checkBytes, jsonText } from "./json-text.ts";

/** The form in which a value is kept. */
export function formOf(value: unknown): Form {
  return typeof value === "string" ? FORM.string : FORM.json;
}

/** The text by which a value is kept; `isSorted` makes it the same for equal values. Refuses as `jsonText` does. */
export function textOf(value: unknown, isSorted: boolean): string {
  if (typeof value !== "string") return jsonText(value, isSorted);
  // Half a character is kept as the escape that JSON has for it.
  checkBytes(value.isWellFormed() ? value : JSON.stringify(value));
  return value;
}

/** The value again: a copy, so that nobody can change what is kept. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a value is, only its user knows
export function valueOf(text: string, form: Form): any {
  return form === FORM.string ? text : JSON.parse(text);
}
