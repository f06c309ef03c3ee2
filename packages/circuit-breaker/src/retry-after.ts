/**
 * How long the other side asks to be left alone, in milliseconds from now; undefined where it does not say. Read from
 * `retryAfterMs` (milliseconds), `retryAfter` or a `Retry-After` header (seconds or an HTTP date) of an error, of a Response,
 * or of the `response` of an error.
 */
export function findRetryAfterMs(source: unknown, nowMs: number): number | undefined {
  if (!isObject(source)) return undefined;
  const { retryAfterMs, retryAfter, headers, response } = source;
  if (typeof retryAfterMs === "number" && retryAfterMs >= 0) return retryAfterMs;
  return (
    readRetryAfter(retryAfter, nowMs) ??
    readRetryAfter(findHeader(headers), nowMs) ??
    (isObject(response) ? readRetryAfter(findHeader(response["headers"]), nowMs) : undefined)
  );
}

/** The value of a `Retry-After` header, whole seconds or an HTTP date, in milliseconds from now; undefined for others. */
export function readRetryAfter(value: unknown, nowMs: number): number | undefined {
  if (typeof value === "number") return value >= 0 ? value * 1_000 : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (/^\d{1,15}$/.test(text)) return Number(text) * 1_000;
  const dateMs = parseHttpDate(text);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

/** The three forms of HTTP; the last has no zone and is in GMT all the same. */
const WITH_ZONE = /^[A-Z][a-z]{2,8}, \d\d[ -][A-Z][a-z]{2}[ -](?:\d{4}|\d\d) \d\d:\d\d:\d\d GMT$/;
const WITHOUT_ZONE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

function parseHttpDate(text: string): number {
  if (WITH_ZONE.test(text)) return Date.parse(text.replaceAll("-", " "));
  return WITHOUT_ZONE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

/** From `Headers`, or from a record whose names may be written in any case. */
function findHeader(headers: unknown): unknown {
  if (!isObject(headers)) return undefined;
  if (headers instanceof Headers) return headers.get("retry-after");
  const entry = Object.entries(headers).find(([name]) => name.toLowerCase() === "retry-after");
  const value: unknown = entry?.[1];
  return Array.isArray(value) ? value[0] : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
