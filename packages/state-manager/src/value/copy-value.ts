import { InvalidValueError, ValueTooLargeError } from "../errors.ts";
import { limit } from "../limits.ts";
import type { JsonValue } from "./json-value.ts";

const MOST_DEPTH = limit("value.depth");
const MOST_BYTES = limit("value.bytes");

// A character of a string is 1 to 6 bytes of JSON, any other value, with its comma or colon, at most 26.
const MOST_BYTES_OF_CHARACTER = 6;
const MOST_BYTES_OF_NODE = 26;

/**
 * A copy of JSON data to keep: null, booleans, finite numbers, strings, arrays and plain objects of such; a field may be undefined, which
 * means that it is absent. Refuses everything else with an InvalidValueError that names the place, and with a ValueTooLargeError
 * what is longer than `value.bytes` as JSON: a huge or circular value costs no more than a large one.
 */
export function copyValue(value: unknown): JsonValue {
  if (isSmall(value)) return value === 0 ? 0 : value;
  const copier = new Copier(undefined);
  try {
    const copy = copier.copy(value, 0);
    copier.checkSize(copy);
    return copy;
  } catch (error) {
    if (error instanceof ValueTooLargeError) throw error;
    throw error instanceof InvalidValueError ? withPlace(value, error) : unreadable(error);
  }
}

/** What needs no copy and cannot be too long. */
function isSmall(value: unknown): value is null | boolean | number | string {
  if (typeof value === "string") return value.length * MOST_BYTES_OF_CHARACTER < MOST_BYTES;
  return typeof value === "boolean" || value === null || (typeof value === "number" && Number.isFinite(value));
}

/** Goes through it once more and keeps account of the way, which would slow all the good values down. */
function withPlace(value: unknown, refusal: InvalidValueError): InvalidValueError {
  try {
    new Copier({ path: [], above: [] }).copy(value, 0);
    return refusal;
  } catch (error) {
    return error instanceof InvalidValueError ? error : refusal;
  }
}

/** A getter or a proxy may throw anything. */
function unreadable(cause: unknown): InvalidValueError {
  return new InvalidValueError("the value cannot be kept: reading it failed", { cause });
}

/** The way to where a copier is. */
interface Way {
  readonly path: (string | number)[];
  readonly above: object[];
}

/** Looks at each part of a value once: that a getter says something else the next time has no effect. */
class Copier {
  readonly #way: Way | undefined;
  #characters = 0;
  #nodes = 0;

  constructor(way: Way | undefined) {
    this.#way = way;
  }

  copy(value: unknown, depth: number): JsonValue {
    this.#count(1);
    switch (typeof value) {
      case "string":
        this.#countCharacters(value.length);
        return value;
      case "number":
        if (!Number.isFinite(value)) throw this.#refuse(`${value} is not a JSON number`);
        // JSON knows no -0.
        return value === 0 ? 0 : value;
      case "boolean":
        return value;
      case "object":
        return value === null ? null : this.#nested(value, depth);
      case "undefined":
        throw this.#refuse("undefined is not JSON data");
      case "bigint":
      case "function":
      case "symbol":
        throw this.#refuse(`a ${typeof value} is not JSON data`);
    }
  }

  /** Exact where the estimate cannot tell. */
  checkSize(copy: JsonValue): void {
    if (this.#characters * MOST_BYTES_OF_CHARACTER + this.#nodes * MOST_BYTES_OF_NODE <= MOST_BYTES) return;
    if (Buffer.byteLength(JSON.stringify(copy)) > MOST_BYTES) throw new ValueTooLargeError(MOST_BYTES);
  }

  #nested(value: object, depth: number): JsonValue {
    if (depth >= MOST_DEPTH) throw this.#refuseDepth(value);
    if (this.#way) this.#way.above[depth] = value;
    const copy = Array.isArray(value) ? this.#items(value, depth) : this.#fields(value, depth);
    if (this.#way) this.#way.path.length = depth;
    return copy;
  }

  #items(items: readonly unknown[], depth: number): JsonValue {
    const copy: JsonValue[] = [];
    // By index, so that holes are seen as the undefined that they are.
    for (let index = 0; index < items.length; index++) {
      if (this.#way) this.#way.path[depth] = index;
      copy.push(this.copy(items[index], depth + 1));
    }
    return copy;
  }

  #fields(value: object, depth: number): JsonValue {
    if (!isPlain(value)) throw this.#refuse(`an instance of ${className(value)} is not JSON data`);
    const copy: Record<string, JsonValue> = {};
    for (const name of Object.keys(value)) {
      if (this.#way) this.#way.path[depth] = name;
      if (name === "__proto__") throw this.#refuse("a field __proto__ is not allowed");
      const field = (value as Record<string, unknown>)[name];
      if (field === undefined) continue;
      this.#countCharacters(name.length);
      copy[name] = this.copy(field, depth + 1);
    }
    return copy;
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    // Each character and each value is a byte at least.
    if (this.#characters + this.#nodes > MOST_BYTES) throw new ValueTooLargeError(MOST_BYTES);
  }

  #countCharacters(characters: number): void {
    this.#characters += characters;
    this.#count(0);
  }

  #refuseDepth(value: object): InvalidValueError {
    const isCircular = this.#way?.above.includes(value);
    return this.#refuse(isCircular ? "it contains itself" : `it is nested more than ${MOST_DEPTH} deep`);
  }

  #refuse(reason: string): InvalidValueError {
    const path = this.#way?.path ?? [];
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
