import { isUtf8 } from "node:buffer";

import { Refusal } from "../refusal.ts";
import { findFault, scanJson } from "./json-shape.ts";

/**
 * Reads the bytes of a body as JSON: UTF-8, one value, no more depth and keys than the limits, and nothing in it that
 * two readers could understand in two ways. Everything else is a MALFORMED_JSON refusal. Takes linear time.
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw malformed("is empty");
  if (!isUtf8(bytes)) throw malformed("is not UTF-8");
  const text = bytes.toString();
  const shape = scanJson(text);
  if (shape.fault !== undefined) throw malformed(shape.fault);
  const value = parse(text);
  const fault = findFault(value, shape.pairs, text.includes("\\u"));
  if (fault !== undefined) throw malformed(fault);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw malformed("is not JSON");
    throw error;
  }
}

function malformed(what: string): Refusal {
  return new Refusal("MALFORMED_JSON", `the body ${what}`);
}
