/**
 * Plain data as text. A text crosses threads several times faster than the objects it stands for, which are copied
 * part by part. What JSON cannot hold exactly (bytes, bigints, numbers that are none) crosses as it is, or is refused there.
 */
export function toText(value: unknown): string | undefined {
  if (!isTextual(value)) return undefined;
  try {
    return JSON.stringify(value);
  } catch (error) {
    // A bigint or a circle further down.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** How deep bytes and odd numbers are looked for; the units of this program hold none below. */
const DEPTH = 4;

/** Whether JSON holds a value exactly, as far as a look at its upper parts can tell. */
export function isTextual(value: unknown, depth = DEPTH): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return false;
  // The parts of a list are alike.
  if (Array.isArray(value)) return value.length === 0 || depth === 0 || isTextual(value[0], depth - 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return depth === 0 || Object.values(value).every((item) => item === undefined || isTextual(item, depth - 1));
}
