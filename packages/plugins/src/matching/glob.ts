import { PluginError } from "../errors.ts";
import { limit } from "../limits.ts";
import { printable } from "../printable.ts";
import { GlobAutomaton } from "./glob-automaton.ts";

/** A glob that is ready to be asked. */
export interface Glob {
  readonly pattern: string;
  /** Whether a path matches. The time grows with the length of the path and nothing else, whatever the two look like. */
  matches(path: string): boolean;
  /** The same for what `readPath` made of a path, which many globs can be asked about. */
  matchesRead(path: ReadPath): boolean;
}

/** A path in the form that globs read. */
export type ReadPath = string & { readonly isRead: never };

/** `./a//b/` and `/a/b` are both `a/b/`: a slash after each level, and one form of Unicode, since file systems differ in theirs. */
export function readPath(path: string): ReadPath {
  return levelsOf(path)
    .map((level) => `${level}/`)
    .join("") as ReadPath;
}

/** A glob with more than `*`, `**` and `?`, or a longer one than the limits allow. Trying again cannot help. */
export class GlobError extends PluginError {
  override readonly name = "GlobError";

  constructor(pattern: string, wanted: string) {
    super("GLOB_INVALID", `the glob ${printable(pattern)} cannot be used: wanted ${wanted}`, { isRetryable: false });
  }
}

/**
 * Reads a glob. `*` is any part of one level, `?` one character of a level, `**` as a whole level any number of levels,
 * none among them; within a level `**` is `*`. Letter case counts and names that begin with a dot are names like others.
 * Braces, classes, extended globs, negation and escapes are refused with a `GlobError`, as is what the limits forbid.
 */
export function compileGlob(pattern: string): Glob {
  const problem = globProblem(pattern);
  if (problem !== undefined) throw new GlobError(pattern, problem);
  const automaton = new GlobAutomaton(levelsOf(pattern));
  return {
    pattern,
    matches: (path) => automaton.accepts(readPath(path)),
    matchesRead: (path) => automaton.accepts(path),
  };
}

/** What a string lacks to be a glob, as the object of "wanted"; undefined for a glob. */
export function globProblem(pattern: string): string | undefined {
  if (pattern.length > limit("glob.length")) return `at most ${limit("glob.length")} characters`;
  if (levelsOf(pattern).length === 0) return "at least one level";
  if (/[{}]/.test(pattern)) return "one glob for each alternative in place of braces";
  if (/[[\]]/.test(pattern)) return "`?` in place of a class of characters";
  if (pattern.includes("\\")) return "`/` between levels and no backslash";
  if (/[!@+*?]\(/.test(pattern)) return "one glob for each alternative in place of an extended glob";
  if (pattern.startsWith("!")) return "a glob of what is meant, not of what is not";
  const wildcards = pattern.match(/\*+|\?/g)?.length ?? 0;
  if (wildcards > limit("glob.wildcards")) return `at most ${limit("glob.wildcards")} wildcards`;
  return undefined;
}

function levelsOf(path: string): string[] {
  return path
    .normalize("NFC")
    .split("/")
    .filter((level) => level !== "" && level !== ".");
}
