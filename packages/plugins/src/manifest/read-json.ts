import { limit } from "../limits.ts";
import { printable } from "../printable.ts";

/** Why a text is not JSON as we take it, and where: line and column count from 1. */
export class JsonSyntaxError extends SyntaxError {
  override readonly name = "JsonSyntaxError";
  readonly line: number;
  readonly column: number;

  constructor(problem: string, line: number, column: number) {
    super(`line ${line}, column ${column}: ${problem}`);
    this.line = line;
    this.column = column;
  }
}

/**
 * Reads JSON more strictly than `JSON.parse`: a key that stands twice, a `__proto__` key, control characters and deep
 * nesting are refused, since
 * whoever approves a manifest must see what the program sees. Every refusal is a `JsonSyntaxError` that says where.
 */
export function readJson(text: string): unknown {
  return new JsonReader(text).read();
}

const WHITESPACE = /[ \t\n\r]*/y;
const SCALAR =
  /"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const value = this.#value();
    this.#skipWhitespace();
    if (this.#at < this.#text.length) throw this.#error(`wanted the end, found ${this.#found()}`);
    return value;
  }

  #value(): unknown {
    this.#skipWhitespace();
    const character = this.#text[this.#at];
    if (character !== "{" && character !== "[") return this.#scalar("a value");
    if (++this.#depth > limit("manifest.depth")) {
      throw this.#error(`wanted at most ${limit("manifest.depth")} levels of nesting`);
    }
    this.#at++;
    const value = character === "{" ? this.#object() : this.#array();
    this.#depth--;
    return value;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#takes("}")) return object;
    do {
      this.#skipWhitespace();
      const start = this.#at;
      const key = this.#scalar("a key in quotation marks");
      if (typeof key !== "string") throw this.#error("wanted a key in quotation marks", start);
      if (Object.hasOwn(object, key)) throw this.#error(`the key ${printable(key)} stands here again`, start);
      if (key === "__proto__") throw this.#error('the key "__proto__" is not allowed', start);
      if (!this.#takes(":")) throw this.#error(`wanted ":" after a key, found ${this.#found()}`);
      object[key] = this.#value();
    } while (this.#takes(","));
    if (!this.#takes("}")) throw this.#error(`wanted "," or "}", found ${this.#found()}`);
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    if (this.#takes("]")) return array;
    do array.push(this.#value());
    while (this.#takes(","));
    if (!this.#takes("]")) throw this.#error(`wanted "," or "]", found ${this.#found()}`);
    return array;
  }

  #scalar(wanted: string): unknown {
    SCALAR.lastIndex = this.#at;
    const source = SCALAR.exec(this.#text)?.[0];
    if (source === undefined) {
      const isString = this.#text[this.#at] === '"';
      throw this.#error(
        isString
          ? "this string does not end well, or holds what JSON must escape"
          : `wanted ${wanted}, found ${this.#found()}`,
      );
    }
    const value: unknown = JSON.parse(source);
    if (value === Infinity || value === -Infinity) throw this.#error("this number is too big");
    this.#at += source.length;
    return value;
  }

  #takes(character: string): boolean {
    this.#skipWhitespace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipWhitespace(): void {
    WHITESPACE.lastIndex = this.#at;
    WHITESPACE.exec(this.#text);
    this.#at = WHITESPACE.lastIndex;
  }

  #found(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? "the end" : printable(String.fromCodePoint(code));
  }

  #error(problem: string, at = this.#at): JsonSyntaxError {
    const before = this.#text.slice(0, at).split("\n");
    return new JsonSyntaxError(problem, before.length, (before.at(-1)?.length ?? 0) + 1);
  }
}
