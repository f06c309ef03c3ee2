import { limit } from "@signalbox/protocol";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** What one pass over a JSON text finds before it is parsed. */
export interface JsonShape {
  /** Key-value pairs in the text, also those that a repeated key would hide. */
  readonly pairs: number;
  /** What is wrong already, in words. */
  readonly fault?: string;
}

/**
 * Counts nesting and keys of a JSON text in one linear pass, so that the parser never sees what would make it slow.
 * Text that is not JSON is left for the parser to refuse.
 */
export function scanJson(text: string): JsonShape {
  let depth = 0;
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === COLON) {
      if (++pairs > limit("body.keys")) return { pairs, fault: `has more than ${limit("body.keys")} keys` };
    } else if (OPEN.has(code)) {
      if (++depth > limit("body.depth")) return { pairs, fault: `is nested deeper than ${limit("body.depth")}` };
    } else if (CLOSE.has(code)) depth--;
  }
  return { pairs };
}

/** The index of the quote that ends the string which begins at `start`; the end of the text where none does. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}

/** What is wrong with a parsed JSON value that was written with `pairs` key-value pairs; undefined when nothing is. */
export function findFault(value: unknown, pairs: number, hasEscapes: boolean): string | undefined {
  const walk = { pairs: 0, hasEscapes, fault: undefined as string | undefined };
  visit(value, walk);
  return walk.fault ?? (walk.pairs === pairs ? undefined : "has a key twice in one object");
}

interface Walk {
  pairs: number;
  readonly hasEscapes: boolean;
  fault: string | undefined;
}

function visit(value: unknown, walk: Walk): void {
  if (typeof value === "string") {
    // Only an escape can bring in what valid UTF-8 and the parser keep out.
    if (walk.hasEscapes) visitString(value, walk);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) walk.fault ??= "has a number that is too large";
  } else if (Array.isArray(value)) {
    for (const item of value) visit(item, walk);
  } else if (typeof value === "object" && value !== null) {
    visitObject(value, walk);
  }
}

function visitObject(object: object, walk: Walk): void {
  for (const key of Object.keys(object)) {
    walk.pairs++;
    if (key === "__proto__" || key === "constructor" || key === "prototype") {
      walk.fault ??= `has the key "${key}", which is not accepted`;
    }
    if (walk.hasEscapes) visitString(key, walk);
    visit((object as Record<string, unknown>)[key], walk);
  }
}

function visitString(text: string, walk: Walk): void {
  if (!text.isWellFormed()) walk.fault ??= "has half of a surrogate pair in a string";
  else if (text.includes("\0")) walk.fault ??= "has a NUL character in a string";
}
