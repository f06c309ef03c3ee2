import { FORM, type Form } from "../crdt/kinds.ts";
import { StateError } from "../errors.ts";
import { jsonText, checkBytes } from "../value/json-text.ts";
import { MalformedBytes, type ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { lengthen } from "./json-short-forms.ts";

export function writeValue(out: ByteWriter, text: string, form: Form): void {
  // UTF-8 has no way to say half a character; JSON has.
  if (form === FORM.json) out.json(text, form, 1);
  else if (text.isWellFormed()) out.string(text, form, 1);
  else out.json(JSON.stringify(text), FORM.json, 1);
}

/** Reads a value's text; its form is in the reader's `flags` then. What could not have been written here is refused. */
export function readValue(reader: ByteReader, isSorted: boolean): string {
  const written = reader.string(1);
  if (reader.flags === FORM.string) {
    check(() => checkBytes(written));
    return written;
  }
  const text = lengthen(written);
  const value = parse(text);
  if (typeof value === "string") {
    reader.flags = FORM.string;
    return value;
  }
  // The same value must not come with two texts, and what is handed out later must be sound.
  const known = check(() => jsonText(value, isSorted));
  if (isSorted && known !== text) throw new MalformedBytes("an element is not in canonical form");
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedBytes("a value is not JSON");
  }
}

function check<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof StateError) throw new MalformedBytes(error.message);
    throw error;
  }
}
