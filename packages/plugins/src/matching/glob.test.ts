import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob, GlobError } from "./glob.ts";

const matches = (pattern: string, path: string) => compileGlob(pattern).matches(path);

describe("compileGlob", () => {
  it.each([
    ["**/*.py", "main.py", true],
    ["**/*.py", "src/api/main.py", true],
    ["**/*.py", "src/main.pyc", false],
    ["**/api/**/*", "api/users.py", true],
    ["**/api/**/*", "src/api/v1/users.py", true],
    ["**/api/**/*", "src/api", false],
    ["**/api/**/*", "src/apis/users.py", false],
    ["src/*", "src/a/b", false],
    ["src/**", "src", true],
    ["src/**", "src/a/b", true],
    ["src/**", "srcs/a", false],
    ["**", "anything/at/all", true],
    ["*", ".hidden", true],
    ["?.ts", "a.ts", true],
    ["?.ts", ".ts", false],
    ["?.ts", "😀.ts", true],
    ["??.ts", "😀.ts", false],
    ["a?b", "a/b", false],
    ["a**b", "axxb", true],
    ["a**b", "ax/xb", false],
    ["*a*b", "aab", true],
    ["**/a/**/b", "a/x/a/b", true],
    ["Docs/*", "docs/a", false],
    ["docs/café", "docs/cafe\u0301", true],
  ])("%s against %s is %s", (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it("reads a path alike with and without `./`, a slash at its ends, or two between levels", () => {
    const glob = compileGlob("./src/*.ts");

    const answers = ["src/a.ts", "./src/a.ts", "/src/a.ts", "src//a.ts", "src/a.ts/"].map((path) => glob.matches(path));

    expect(answers).toEqual([true, true, true, true, true]);
  });

  it.each([
    ["*.{js,ts}", "braces"],
    ["[ab].ts", "class"],
    ["@(a|b).ts", "extended glob"],
    ["!src/**", "not of what is not"],
    ["src\\*.ts", "backslash"],
    ["", "at least one level"],
    ["./", "at least one level"],
    ["a".repeat(257), "256 characters"],
    ["*a".repeat(9), "8 wildcards"],
  ])("refuses %s and says what to write", (pattern, reason) => {
    expect(() => compileGlob(pattern)).toThrow(GlobError);
    expect(() => compileGlob(pattern)).toThrow(reason);
  });

  it("takes brackets of a route group for what they are", () => {
    expect(matches("app/(auth)/**", "app/(auth)/page.tsx")).toBe(true);
  });

  it("agrees with a matcher that tries everything", () => {
    const piece = fc.constantFrom("a", "b", "*", "**", "?", "/", ".", "😀");
    const globs = fc.array(piece, { minLength: 1, maxLength: 9 }).map((pieces) => pieces.join(""));
    const paths = fc.array(fc.constantFrom("a", "b", "/", ".", "😀"), { maxLength: 10 }).map((all) => all.join(""));

    // What both begin with moves the rest over the edges of the words that the automaton keeps its states in.
    const beginnings = fc.integer({ min: 0, max: 70 }).map((length) => "x".repeat(length));
    fc.assert(
      fc.property(globs, paths, beginnings, (glob, rest, beginning) => {
        const [pattern, path] = [beginning + glob, beginning + rest];
        fc.pre(levels(pattern).length > 0 && (pattern.match(/\*+|\?/g)?.length ?? 0) <= 8);
        expect(matches(pattern, path)).toBe(naive(levels(pattern), levels(path)));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("a hostile glob", () => {
  const KIB = 1_024;
  const hostile: [name: string, pattern: string, path: string][] = [
    ["stars between letters", `${"*a".repeat(8)}b`, "a".repeat(KIB)],
    ["stars after letters", `${"a*".repeat(8)}b`, "a".repeat(KIB)],
    ["many levels of anything", `${"**/a/".repeat(8)}b`, "a/".repeat(KIB / 2)],
    ["anything, then a long level", `**/${"a".repeat(240)}b`, `${"a".repeat(250)}/`.repeat(4)],
    ["a star, then a long tail", `*${"a".repeat(250)}b`, "a".repeat(KIB)],
    ["question marks", `${"?".repeat(7)}*${"a".repeat(240)}b`, "a".repeat(KIB)],
    ["levels of stars", `${"**/*a/".repeat(4)}${"a/".repeat(100)}b`, "a/".repeat(KIB / 2)],
    ["characters beyond the basic plane", `*${"😀".repeat(120)}b`, "😀".repeat(KIB / 2)],
  ];

  it.each(hostile)("%s: 1 KiB is answered within a millisecond", (_name, pattern, path) => {
    const glob = compileGlob(pattern);

    expect(glob.matches(path)).toBe(false);
    expect(bestOf(20, () => glob.matches(path))).toBeLessThan(1);
  });

  it("cannot be made longer or wilder than the limits", () => {
    expect(() => compileGlob(`${"*a".repeat(10)}b`)).toThrow(GlobError);
    expect(() => compileGlob("{a,b}".repeat(18))).toThrow(GlobError);
  });
});

/** The fastest of some tries, in milliseconds: a busy machine makes a try slower, never faster. */
function bestOf(tries: number, work: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < tries; i++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function levels(path: string): string[] {
  return path.split("/").filter((level) => level !== "" && level !== ".");
}

/** Follows the meaning of the words and every branch of it. */
function naive(pattern: readonly string[], path: readonly string[]): boolean {
  const [level, ...others] = pattern;
  if (level === undefined) return path.length === 0;
  if (level === "**") return path.some((_, i) => naive(others, path.slice(i))) || naive(others, []);
  return path.length > 0 && naiveLevel(Array.from(level), Array.from(path[0] ?? "")) && naive(others, path.slice(1));
}

function naiveLevel(pattern: readonly string[], level: readonly string[]): boolean {
  const [first, ...others] = pattern;
  if (first === undefined) return level.length === 0;
  if (first === "*") return naiveLevel(others, level) || (level.length > 0 && naiveLevel(pattern, level.slice(1)));
  return level.length > 0 && (first === "?" || first === level[0]) && naiveLevel(others, level.slice(1));
}
