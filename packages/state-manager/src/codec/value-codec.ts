import { limit } from "../limits.ts";
import { isList, type JsonValue } from "../value/json-value.ts";
import { MalformedBytes, type ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

// The first byte of a value says what it is, and of the most common ones how long, or which.
const TAG = {
  null: 0,
  false: 1,
  true: 2,
  float: 3,
  positive: 4,
  negative: 5,
  string: 6,
  /** A string with half a character, as JSON, which has an escape for that. */
  broken: 7,
  list: 8,
  object: 9,
  /** A number as text of 1 to 16 characters. */
  digits: 16,
  /** A list of 0 to 15 items. */
  shortList: 32,
  /** An object of 0 to 15 fields. */
  shortObject: 48,
  /** A whole number from 0 to 63. */
  small: 64,
  /** ASCII of 0 to 127 characters. */
  ascii: 128,
} as const;
const MOST_DIGITS = 8;
const MOST_SHORT = 15;
const MOST_SMALL = 63;
const MOST_ASCII = 127;

const MOST_DEPTH = limit("value.depth");

/** Writes a value; about as long as its JSON at most, mostly shorter. */
export function writeValue(out: ByteWriter, value: JsonValue): void {
  if (typeof value === "string") return writeString(out, value);
  if (typeof value === "number") return writeNumber(out, value);
  if (typeof value === "boolean") return out.byte(value ? TAG.true : TAG.false);
  if (value === null) return out.byte(TAG.null);
  if (isList(value)) return writeList(out, value);
  writeObject(out, value);
}

function writeString(out: ByteWriter, text: string): void {
  if (text.length <= MOST_ASCII && out.tryAscii(TAG.ascii, text)) return;
  const isWhole = text.isWellFormed();
  out.byte(isWhole ? TAG.string : TAG.broken);
  out.string(isWhole ? text : JSON.stringify(text), 0, 0);
}

function writeNumber(out: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value)) return writeFraction(out, value);
  if (value >= 0 && value <= MOST_SMALL) return out.byte(TAG.small + value);
  out.byte(value < 0 ? TAG.negative : TAG.positive);
  out.number(Math.abs(value));
}

function writeFraction(out: ByteWriter, value: number): void {
  const digits = String(value);
  if (digits.length <= MOST_DIGITS && out.tryAscii(TAG.digits - 1, digits)) return;
  out.byte(TAG.float);
  out.float(value);
}

function writeList(out: ByteWriter, items: readonly JsonValue[]): void {
  writeCount(out, items.length, TAG.shortList, TAG.list);
  for (const item of items) writeValue(out, item);
}

function writeObject(out: ByteWriter, fields: { readonly [name: string]: JsonValue }): void {
  const names = Object.keys(fields);
  writeCount(out, names.length, TAG.shortObject, TAG.object);
  for (const name of names) {
    writeString(out, name);
    writeValue(out, fields[name] ?? null);
  }
}

function writeCount(out: ByteWriter, count: number, short: number, long: number): void {
  if (count <= MOST_SHORT) return out.byte(short + count);
  out.byte(long);
  out.number(count);
}

/** Reads what `writeValue` wrote. Throws MalformedBytes. */
export function readValue(reader: ByteReader, depth = 0): JsonValue {
  const tag = reader.byte();
  if (tag >= TAG.ascii) return reader.text((tag - TAG.ascii) * 2);
  if (tag >= TAG.small) return tag - TAG.small;
  if (tag >= TAG.shortObject) return readObject(reader, tag - TAG.shortObject, depth);
  if (tag >= TAG.shortList) return readList(reader, tag - TAG.shortList, depth);
  if (tag >= TAG.digits) return checkFinite(Number(reader.text((tag - TAG.digits + 1) * 2)));
  switch (tag) {
    case TAG.null:
      return null;
    case TAG.false:
      return false;
    case TAG.true:
      return true;
    case TAG.float:
      return checkFinite(reader.float());
    case TAG.positive:
      return reader.number();
    case TAG.negative:
      return -reader.number() || 0;
    case TAG.string:
      return reader.string(0);
    case TAG.broken:
      return parseString(reader.string(0));
    case TAG.list:
      return readList(reader, reader.number(), depth);
    case TAG.object:
      return readObject(reader, reader.number(), depth);
    default:
      throw new MalformedBytes("a value cannot be");
  }
}

function readList(reader: ByteReader, count: number, depth: number): JsonValue {
  checkNesting(reader, count, depth);
  const items: JsonValue[] = [];
  for (let index = 0; index < count; index++) items.push(readValue(reader, depth + 1));
  return items;
}

function readObject(reader: ByteReader, count: number, depth: number): JsonValue {
  checkNesting(reader, count, depth);
  const fields: Record<string, JsonValue> = {};
  for (let index = 0; index < count; index++) {
    const name = readValue(reader, depth + 1);
    if (typeof name !== "string" || name === "__proto__") throw new MalformedBytes("a field has a name that cannot be");
    fields[name] = readValue(reader, depth + 1);
  }
  return fields;
}

/** Each item takes a byte at least, so a count that was made up ends here. */
function checkNesting(reader: ByteReader, count: number, depth: number): void {
  if (depth >= MOST_DEPTH || count > reader.left)
    throw new MalformedBytes("a value is nested too deep or ends too early");
}

function checkFinite(value: number): number {
  if (!Number.isFinite(value)) throw new MalformedBytes("a number cannot be");
  return value === 0 ? 0 : value;
}

function parseString(json: string): string {
  try {
    const text: unknown = JSON.parse(json);
    if (typeof text === "string") return text;
  } catch {
    // What is no JSON is no string either.
  }
  throw new MalformedBytes("a string cannot be");
}
