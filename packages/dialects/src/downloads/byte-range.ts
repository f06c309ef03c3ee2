/** Bytes of a content, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a Range header against a content of so many bytes: the range; `"all"` when there is none or it is one that may
 * be ignored (another unit, several ranges); `"outside"` when it holds no byte of the content.
 */
export function readRange(header: string | undefined, bytes: number): ByteRange | "all" | "outside" {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (!match || (from === "" && to === "")) return "all";
  if (from === "") return lastBytes(Number(to), bytes);
  const start = Number(from);
  const end = to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (to !== "" && Number(to) < start) return "all";
  return start < bytes ? { start, end } : "outside";
}

function lastBytes(count: number, bytes: number): ByteRange | "outside" {
  if (count === 0 || bytes === 0) return "outside";
  return { start: Math.max(0, bytes - count), end: bytes - 1 };
}
