import { FORM, type Form } from "../crdt/kinds.ts";
import { canonicalJson, type JsonValue } from "./json-value.ts";

/** The form of the text by which an element of a set is found. */
export function formOf(element: JsonValue): Form {
  return typeof element === "string" ? FORM.string : FORM.json;
}

/** The text by which an element of a set is found: the same for equal values. */
export function partOf(element: JsonValue): string {
  return typeof element === "string" ? element : canonicalJson(element);
}

/** The element again: a copy. */
export function elementOf(part: string, form: Form): JsonValue {
  // It is what `partOf` made.
  return form === FORM.string ? part : (JSON.parse(part) as JsonValue);
}
