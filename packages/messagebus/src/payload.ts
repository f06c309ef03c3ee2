import type { BusLimits } from "./limits.ts";
import { walkPayload } from "./payload-walk.ts";

type PayloadLimits = Pick<BusLimits, "payload.bytes" | "payload.depth">;

// A character of a string is 1 to 6 bytes of JSON text; any other value, with its comma, quotes or colon, at most 26.
const MOST_BYTES_OF_CHARACTER = 6;
const MOST_BYTES_OF_VALUE = 26;
const LOOK_CLOSELY = -1;

/**
 * Refuses what is not JSON data, with an InvalidMessageError that names the place. The rule is the same on every
 * transport: null, booleans, finite numbers, strings, arrays and plain objects, nested at most `payload.depth` deep and at
 * most `payload.bytes` long as JSON text. A field may be undefined, which means that it is absent; so may the payload itself.
 */
export function checkPayload(payload: unknown, limits: PayloadLimits, what = "the payload"): void {
  if (payload === undefined) return;
  // Nearly every payload is small and in order, and that is seen without measuring it exactly or knowing where one is.
  if (!isEasy(payload, limits)) walkPayload(payload, limits, what);
}

function isEasy(payload: unknown, limits: PayloadLimits): boolean {
  try {
    return spend(payload, limits["payload.depth"], limits["payload.bytes"]) >= 0;
  } catch {
    return false;
  }
}

/** What is left of a number of bytes after the most that a value can take; negative where a closer look is needed. */
function spend(value: unknown, levels: number, bytes: number): number {
  switch (typeof value) {
    case "string":
      return bytes - MOST_BYTES_OF_VALUE - MOST_BYTES_OF_CHARACTER * value.length;
    case "number":
      return Number.isFinite(value) ? bytes - MOST_BYTES_OF_VALUE : LOOK_CLOSELY;
    case "boolean":
      return bytes - MOST_BYTES_OF_VALUE;
    case "object":
      if (value === null) return bytes - MOST_BYTES_OF_VALUE;
      if (levels === 0) return LOOK_CLOSELY;
      return Array.isArray(value) ? spendOnItems(value, levels, bytes) : spendOnFields(value, levels, bytes);
    case "bigint":
    case "function":
    case "symbol":
    case "undefined":
      return LOOK_CLOSELY;
  }
}

function spendOnItems(items: readonly unknown[], levels: number, bytes: number): number {
  let left = bytes - MOST_BYTES_OF_VALUE;
  for (let index = 0; index < items.length && left >= 0; index++) left = spend(items[index], levels - 1, left);
  return left;
}

function spendOnFields(value: object, levels: number, bytes: number): number {
  if (Object.getPrototypeOf(value) !== Object.prototype) return LOOK_CLOSELY;
  let left = bytes - MOST_BYTES_OF_VALUE;
  // Inherited fields do not count, but are none on a plain object, unless somebody meddled: then the closer look decides.
  for (const key in value) {
    if (key === "__proto__") return LOOK_CLOSELY;
    const field = (value as Record<string, unknown>)[key];
    if (field === undefined) continue;
    left = spend(field, levels - 1, left - MOST_BYTES_OF_CHARACTER * key.length);
    if (left < 0) return LOOK_CLOSELY;
  }
  return left;
}
