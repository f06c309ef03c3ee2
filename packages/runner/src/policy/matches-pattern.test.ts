import { describe, expect, it } from "vitest";

import { matchesPattern } from "./matches-pattern.ts";

describe("matchesPattern", () => {
  it.each([
    ["a", "a", true],
    ["a", "ab", false],
    ["*", "", true],
    ["a*", "abc", true],
    ["*c", "abc", true],
    ["a*c", "ac", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*bb*b", "abb", false],
    ["https://git.example/team/*", "https://git.example/team/x", true],
    ["https://git.example/team/*", "https://git.example.evil/team/x", false],
    ["a.c", "abc", false],
  ])("%s against %s: %s", (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it("takes no longer than a millisecond for what would take others for ever", () => {
    const pattern = `${"a*".repeat(500)}b`;
    const text = "a".repeat(4_096);
    matchesPattern(pattern, text);
    const startMs = performance.now();

    expect(matchesPattern(pattern, text)).toBe(false);

    expect(performance.now() - startMs).toBeLessThan(5);
  });
});
