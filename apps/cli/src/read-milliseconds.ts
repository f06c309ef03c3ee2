import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as people write it, `90s`, `15m`, `2h`, `1d`, in milliseconds. */
export function readMilliseconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ""];
  if (!match || unit === undefined) throw new InvalidArgumentError("A time looks like 90s, 15m, 2h or 1d.");
  return Math.round(Number(match[1]) * unit);
}

/** A whole number of at least one. */
export function readCount(text: string): number {
  const number = Number(text);
  if (!/^\d{1,9}$/.test(text) || number < 1) throw new InvalidArgumentError("It must be a whole number of at least 1.");
  return number;
}
