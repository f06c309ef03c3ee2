const BASE_MS = 200;
const CEILING_MS = 10_000;

/**
 * How long to wait before try number `failures + 1`: full jitter below a ceiling that doubles, but never less than the
 * server asked for. `random` is in [0, 1).
 */
export function backoffMs(failures: number, random: number, atLeastMs = 0): number {
  const ceiling = Math.min(CEILING_MS, BASE_MS * 2 ** Math.min(failures, 16));
  return atLeastMs + random * ceiling;
}

/** The `Retry-After` header, seconds or a date, in milliseconds from now; undefined where it says nothing. */
export function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
