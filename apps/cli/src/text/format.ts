/** A length of time as people say it: `0.4 s`, `12 s`, `3 m 5 s`, `2 h 10 m`, `4 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} m`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** How long ago something was. */
export function ago(timestamp: string, nowMs: number): string {
  const ms = nowMs - Date.parse(timestamp);
  if (ms < 1_000) return "just now";
  return `${ms < 10_000 ? `${Math.floor(ms / 1_000)} s` : duration(ms)} ago`;
}

/** How long until something is. */
export function until(timestamp: string, nowMs: number): string {
  const ms = Date.parse(timestamp) - nowMs;
  return ms <= 0 ? "now" : `in ${duration(ms)}`;
}

/** A size in binary units: `512 B`, `3.4 KiB`, `12 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1_024 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.floor(value)} ${units[power - 1]}`;
}

/** `1 step`, `3 steps`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
