import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { matchesTopic } from "../topic.ts";
import { covers } from "./covers.ts";

describe("covers", () => {
  it.each([
    ["a/b", "a/b", true],
    ["a/b", "a/*", false],
    ["a/*", "a/b", true],
    ["a/*", "a/*", true],
    ["a/*", "a/**", false],
    ["a/*", "a", false],
    ["a/**", "a/*", true],
    ["a/**", "a/**", true],
    ["a/**", "a/*/c/**", true],
    ["a/**", "a", false],
    ["a/**", "**", false],
    ["**", "a", true],
    ["**", "**", true],
    ["**", "*/b/**", true],
    ["*", "**", false],
    ["*/**", "**", false],
    ["*/**", "a/b", true],
    ["*/b", "a/*", false],
    ["plugin/a/**", "plugin/*/status", false],
  ])("%s covers %s: %o", (allowed, wanted, isCovered) => {
    expect(covers(allowed, wanted)).toBe(isCovered);
  });

  it("lets through exactly those patterns all of whose topics are allowed", () => {
    const level = fc.constantFrom("a", "b");
    const pattern = fc
      .tuple(fc.array(fc.oneof(level, fc.constant("*")), { maxLength: 4 }), fc.boolean())
      .map(([levels, isOpen]) => (isOpen || levels.length === 0 ? [...levels, "**"] : levels).join("/"));
    // A third name stands for every level that no pattern has; six levels for every length beyond the longest pattern.
    const topics = allTopics(["a", "b", "c"], 6);

    fc.assert(
      fc.property(pattern, pattern, (allowed, wanted) => {
        const isWithin = topics.every((topic) => !matchesTopic(wanted, topic) || matchesTopic(allowed, topic));
        expect(covers(allowed, wanted)).toBe(isWithin);
      }),
      { numRuns: 300 },
    );
  });
});

function allTopics(names: readonly string[], mostLevels: number): string[] {
  const topics: string[][] = [names.map((name) => name)];
  for (let levels = 1; levels < mostLevels; levels++) {
    topics.push((topics.at(-1) ?? []).flatMap((topic) => names.map((name) => `${topic}/${name}`)));
  }
  return topics.flat();
}
