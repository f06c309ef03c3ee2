import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const README = join(import.meta.dirname, "..", "README.md");

/** Puts the tables of a suite between its markers in the README. */
export function writeTables(suite: string, text: string): void {
  const [begin, end] = [`<!-- begin ${suite} -->`, `<!-- end ${suite} -->`];
  const before = readFileSync(README, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`bench/README.md has no place for ${suite}`);
  writeFileSync(README, `${before.slice(0, from + begin.length)}\n\n${text}\n\n${before.slice(to)}`);
}
