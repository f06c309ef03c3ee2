import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";

import { InvalidTopicError } from "./errors.ts";
import { busLimits } from "./limits.ts";
import { canonicalPattern, canonicalTopic, isReservedTopic, matchesTopic, pluginOfTopic } from "./topic.ts";

const limits = busLimits();

describe("canonicalTopic", () => {
  it.each([
    ["system/broadcast", "system/broadcast"],
    ["system.broadcast", "system/broadcast"],
    ["plugin.your-plugin/request", "plugin/your-plugin/request"],
    ["a", "a"],
    ["tâche/größe/日本", "tâche/größe/日本"],
    ["jira:42/_x-y@z", "jira:42/_x-y@z"],
  ])("spells %s as %s", (topic, canonical) => {
    expect(canonicalTopic(topic, limits)).toBe(canonical);
  });

  it.each([
    "",
    "/a",
    "a/",
    "a//b",
    "a./b",
    ".",
    "a b",
    "a\n",
    "a\u0000b",
    "a\u200Bb",
    "\uD800",
    "a/*",
    "*",
    "a/**",
    "a/>",
    "a*",
    "x>y/b",
    undefined,
    null,
    7,
    ["a"],
    { toString: () => "a" },
  ])("refuses %j as a topic to send on", (topic) => {
    expect(() => canonicalTopic(topic, limits)).toThrow(InvalidTopicError);
  });

  it("counts bytes and levels", () => {
    expect(canonicalTopic("a".repeat(256), limits)).toHaveLength(256);
    expect(canonicalTopic(Array(32).fill("a").join("."), limits)).toHaveLength(63);

    expect(() => canonicalTopic("a".repeat(257), limits)).toThrow(/at most 256 bytes/);
    expect(() => canonicalTopic("ü".repeat(129), limits)).toThrow(/at most 256 bytes/);
    expect(() => canonicalTopic(Array(33).fill("a").join("/"), limits)).toThrow(/33 levels/);
    expect(() => canonicalTopic("a/".repeat(5_000_000), limits)).toThrow(/at most 256 bytes/);
  });
});

describe("canonicalPattern", () => {
  it.each([
    ["orchestration/*", "orchestration/*"],
    ["a.>", "a/**"],
    ["a/**", "a/**"],
    [">", "**"],
    ["*", "*"],
    ["*.*.>", "*/*/**"],
    ["jira.orchestrator.commands", "jira/orchestrator/commands"],
  ])("spells %s as %s", (pattern, canonical) => {
    expect(canonicalPattern(pattern, limits)).toBe(canonical);
  });

  it.each(["", "a/**/b", ">/a", "**/*", "a*", "*a/b", "a/***", "a/>>", "a b/*", "a//*", 1, undefined])(
    "refuses %j",
    (pattern) => {
      expect(() => canonicalPattern(pattern, limits)).toThrow(InvalidTopicError);
    },
  );

  it("takes every topic as the pattern of itself, and leaves a canonical one as it is", () => {
    const level = string({ minLength: 1, maxLength: 6 });

    assert(
      property(array(oneof(level, constantFrom("a", "*", "**", ">", "")), { maxLength: 6 }), (levels) => {
        const text = levels.join("/");
        const topic = attempt(() => canonicalTopic(text, limits));
        const pattern = attempt(() => canonicalPattern(text, limits));

        // Both refuse it, or it is a pattern with wildcards, or it is both, and the same in both.
        expect([undefined, pattern]).toContain(topic);
        expect(attempt(() => canonicalTopic(topic, limits))).toBe(topic);
        expect(attempt(() => canonicalPattern(pattern, limits))).toBe(pattern);
        expect(topic === undefined || matchesTopic(topic, topic)).toBe(true);
      }),
    );
  });
});

describe("matchesTopic", () => {
  it.each([
    ["a/b", "a/b", true],
    ["a/b", "a", false],
    ["a", "a/b", false],
    ["*", "a", true],
    ["*", "a/b", false],
    ["a/*", "a/b", true],
    ["a/*", "a", false],
    ["a/*", "a/b/c", false],
    ["*/b", "a/b", true],
    ["a/*/c", "a/b/c", true],
    ["**", "a", true],
    ["**", "a/b/c", true],
    ["a/**", "a", false],
    ["a/**", "a/b", true],
    ["a/**", "a/b/c", true],
    ["a/*/**", "a/b", false],
    ["a/*/**", "a/b/c", true],
  ])("%s and %s: %s", (pattern, topic, isMatch) => {
    expect(matchesTopic(pattern, topic)).toBe(isMatch);
  });

  it("agrees with a regular expression", () => {
    const name = constantFrom("a", "b", "c");
    const topics = array(name, { minLength: 1, maxLength: 5 });
    const patterns = array(oneof(name, constantFrom("*")), { minLength: 1, maxLength: 5 });

    assert(
      property(patterns, constantFrom("", "/**"), topics, (levels, end, topic) => {
        const pattern = levels.join("/") + end;
        const reference = new RegExp(`^${pattern.replaceAll("**", ".+").replaceAll("*", "[^/]+")}$`);

        expect(matchesTopic(pattern, topic.join("/"))).toBe(reference.test(topic.join("/")));
      }),
    );
  });
});

describe("isReservedTopic", () => {
  it.each([
    ["system/broadcast", true],
    ["routing/decision", true],
    ["system", true],
    ["routing/a/b", true],
    ["systems/a", false],
    ["plugin/system/a", false],
  ])("%s: %s", (topic, isReserved) => {
    expect(isReservedTopic(topic)).toBe(isReserved);
  });
});

describe("pluginOfTopic", () => {
  it.each([
    ["plugin/a/request", "a"],
    ["plugin/a/b/c", "a"],
    ["plugin/a", undefined],
    ["plugins/a/b", undefined],
    ["x/plugin/a/b", undefined],
  ])("%s: %s", (topic, plugin) => {
    expect(pluginOfTopic(topic)).toBe(plugin);
  });
});

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof InvalidTopicError) return undefined;
    throw error;
  }
}
