import { describe, expect, it } from "vitest";

import type { PluginEventType } from "./plugin-events.ts";
import { foldPlugin } from "./plugin-fold.ts";

/** `registered:a` is a plugin that became known with the manifest a. */
function fold(words: string) {
  return foldPlugin(
    words.split(" ").map((word, index) => {
      const [type, manifestHash] = word.split(":");
      return { seq: index + 1, type: `plugin.${type}` as PluginEventType, data: { manifestHash } };
    }),
  );
}

describe("foldPlugin", () => {
  it.each([
    ["registered:a", "pending", "a"],
    ["registered:a approved:a token_issued", "approved", "a"],
    ["registered:a approved:a changed:b", "pending", "b"],
    ["registered:a approved:a changed:b changed:a", "pending", "a"],
    ["registered:a approved:a revoked", "revoked", "a"],
    ["registered:a revoked changed:b", "revoked", "b"],
    ["registered:a revoked changed:b approved:b", "approved", "b"],
  ])("reads %s as %s with %s", (words, state, manifestHash) => {
    expect(fold(words)).toEqual({ state, manifestHash, illegal: [] });
  });

  it.each([
    "approved:a",
    "registered:a registered:a",
    "registered:a approved:b",
    "registered:a approved:a changed:b approved:a",
    "registered:a approved:a approved:a",
    "registered:a token_issued",
    "registered:a approved:a revoked token_issued",
    "registered:a revoked revoked",
  ])("notes the end of %s", (words) => {
    expect(fold(words).illegal.map(({ seq }) => seq)).toEqual([words.split(" ").length]);
  });
});
