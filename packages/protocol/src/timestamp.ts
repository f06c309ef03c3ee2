import * as z from "zod";

/** An instant as ISO 8601 in UTC with milliseconds, `2026-11-21T08:00:00.000Z`. */
export const TimestampSchema = z.iso.datetime();
export type Timestamp = string;

/** Milliseconds since the epoch as a timestamp. */
export function toTimestamp(ms: number): Timestamp {
  return new Date(ms).toISOString();
}
