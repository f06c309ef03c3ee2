import { describe, expect, it } from "vitest";

import type { RunnerEventType } from "./runner-events.ts";
import { foldRunner } from "./runner-fold.ts";

function fold(words: string) {
  return foldRunner(
    words.split(" ").map((word, index) => ({ seq: index + 1, type: `runner.${word}` as RunnerEventType })),
  );
}

describe("foldRunner", () => {
  it.each([
    ["registered", "pending"],
    ["registered online", "online"],
    ["registered online offline online", "online"],
    ["registered online draining offline online", "draining"],
    ["registered online draining offline resumed", "offline"],
    ["registered online deregistered", "retired"],
  ])("reads %s as %s", (words, state) => {
    expect(fold(words)).toEqual({ state, illegal: [] });
  });

  it.each(["online", "registered registered", "registered online online", "registered online deregistered online"])(
    "notes the end of %s",
    (words) => {
      expect(fold(words).illegal.map(({ seq }) => seq)).toEqual([words.split(" ").length]);
    },
  );
});
