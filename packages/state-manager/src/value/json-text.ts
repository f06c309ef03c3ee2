import { InvalidValueError, ValueTooLargeError } from "../errors.ts";
import { limit } from "../limits.ts";

/**
 * The JSON of a value, which is null, a boolean, a finite number, a string, an array or a plain object of such; a field may
 * be undefined, which means that it is absent. Refuses everything else with an InvalidValueError that names the place, and with a
 * ValueTooLargeError what is longer than `value.bytes`; neither costs more than that many bytes do. `isSorted` puts the fields
 * of objects in the order of their names, so that equal values have the same text.
 */
export function jsonText(value: unknown, isSorted: boolean): string {
  try {
    const text = new JsonWriter(isSorted, undefined).text(value, 0);
    checkBytes(text);
    return text;
  } catch (error) {
    if (error instanceof ValueTooLargeError) throw error;
    throw error instanceof InvalidValueError ? withPlace(value, error) : unreadable(error);
  }
}

/** Goes through it once more and keeps account of the way, which would slow all the good values down. */
function withPlace(value: unknown, refusal: InvalidValueError): InvalidValueError {
  try {
    new JsonWriter(false, { path: [], above: [] }).text(value, 0);
    return refusal;
  } catch (error) {
    return error instanceof InvalidValueError ? error : refusal;
  }
}

/** A getter or a proxy may throw anything. */
function unreadable(cause: unknown): InvalidValueError {
  return new InvalidValueError("the value cannot be kept: reading it failed", { cause });
}

/** Refuses with a ValueTooLargeError. */
export function checkBytes(text: string): void {
  const most = limit("value.bytes");
  // A character has three bytes at most.
  if (text.length * 3 <= most) return;
  if (text.length > most || Buffer.byteLength(text) > most) throw new ValueTooLargeError(most);
}

// What JSON writes as an escape: control characters, quotes, backslashes, and halves of characters.
// oxlint-disable-next-line no-control-regex -- those are what it looks for
const ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;

const MOST_DEPTH = limit("value.depth");
const MOST_BYTES = limit("value.bytes");

/** The way to where a writer is. */
interface Way {
  readonly path: (string | number)[];
  readonly above: object[];
}

class JsonWriter {
  readonly #isSorted: boolean;
  readonly #way: Way | undefined;
  /** At least so many bytes have been written. */
  #bytes = 0;

  constructor(isSorted: boolean, way: Way | undefined) {
    this.#isSorted = isSorted;
    this.#way = way;
  }

  text(value: unknown, depth: number): string {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        if (!Number.isFinite(value)) throw this.#refuse(`${value} is not a JSON number`);
        this.#count(1);
        // -0 is 0 in JSON.
        return value === 0 ? "0" : String(value);
      case "boolean":
        this.#count(4);
        return value ? "true" : "false";
      case "object":
        if (value === null) return this.#null();
        return this.#nested(value, depth);
      case "undefined":
        throw this.#refuse("undefined is not JSON data");
      case "bigint":
      case "function":
      case "symbol":
        throw this.#refuse(`a ${typeof value} is not JSON data`);
    }
  }

  #string(value: string): string {
    this.#count(value.length + 2);
    return ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`;
  }

  #null(): string {
    this.#count(4);
    return "null";
  }

  #nested(value: object, depth: number): string {
    if (depth >= MOST_DEPTH) throw this.#refuseDepth(value);
    if (this.#way) this.#way.above[depth] = value;
    this.#count(2);
    return Array.isArray(value) ? this.#items(value, depth) : this.#fields(value, depth);
  }

  #items(items: readonly unknown[], depth: number): string {
    let text = "[";
    // By index, so that holes are seen as the undefined that they are.
    for (let index = 0; index < items.length; index++) {
      if (this.#way) this.#way.path[depth] = index;
      text += (index === 0 ? "" : ",") + this.text(items[index], depth + 1);
    }
    if (this.#way) this.#way.path.length = depth;
    return `${text}]`;
  }

  #fields(value: object, depth: number): string {
    if (!isPlain(value)) throw this.#refuse(`an instance of ${className(value)} is not JSON data`);
    const names = Object.keys(value);
    if (this.#isSorted && names.length > 1) names.sort();
    let text = "";
    for (const name of names) {
      if (this.#way) this.#way.path[depth] = name;
      if (name === "__proto__") throw this.#refuse("a field __proto__ is not allowed");
      const field = (value as Record<string, unknown>)[name];
      if (field !== undefined) text += `${text === "" ? "" : ","}${this.#string(name)}:${this.text(field, depth + 1)}`;
    }
    if (this.#way) this.#way.path.length = depth;
    return `{${text}}`;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MOST_BYTES) throw new ValueTooLargeError(MOST_BYTES);
  }

  #refuseDepth(value: object): InvalidValueError {
    return this.#refuse(
      this.#way?.above.includes(value) ? "it contains itself" : `it is nested more than ${MOST_DEPTH} deep`,
    );
  }

  #refuse(reason: string): InvalidValueError {
    const { path } = this.#way ?? { path: [] };
    const shown = path.slice(0, 8).map((step) => (typeof step === "number" ? `[${step}]` : `.${step.slice(0, 40)}`));
    const place = shown.length === 0 ? "" : ` at ${shown.join("")}${path.length > 8 ? "…" : ""}`;
    return new InvalidValueError(`the value cannot be kept: ${reason}${place}`);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has that realm's Object.prototype, which has nothing above it either.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "a class";
}
