import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonSyntaxError, readJson } from "./read-json.ts";

describe("readJson", () => {
  it("reads what JSON.parse reads", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 10 }), (text) => {
        fc.pre(!text.includes("__proto__"));
        expect(readJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("refuses what JSON.parse refuses, with nothing but a JsonSyntaxError", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "a",
      "\\",
      "u00e9",
      "1",
      "-",
      ".",
      "e",
      "true",
      " ",
    );
    const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

    fc.assert(
      fc.property(texts, (text) => {
        const ours = attempt(() => readJson(text));
        const theirs = attempt(() => JSON.parse(text));
        const repeatsAKey = ours.error instanceof Error && ours.error.message.includes("stands here again");
        fc.pre(!repeatsAKey);
        expect(ours.error === undefined).toBe(theirs.error === undefined);
        expect(ours.error === undefined || ours.error instanceof JsonSyntaxError).toBe(true);
        expect(ours.value).toEqual(theirs.value);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{\n  "name": "a",\n  "version" "1"\n}', 'line 3, column 13: wanted ":" after a key, found "\\""'],
    ['{"a": 1,}', 'line 1, column 9: wanted a key in quotation marks, found "}"'],
    ['{"a": tru}', 'line 1, column 7: wanted a value, found "t"'],
    ["", "line 1, column 1: wanted a value, found the end"],
    ["{} x", 'line 1, column 4: wanted the end, found "x"'],
    ['["a\nb"]', "line 1, column 2: this string does not end well, or holds what JSON must escape"],
    ['{"a": 1, "a": 2}', 'line 1, column 10: the key "a" stands here again'],
    ['{"__proto__": {}}', 'line 1, column 2: the key "__proto__" is not allowed'],
    ['{"\\u005f_proto__": {}}', 'line 1, column 2: the key "__proto__" is not allowed'],
    ["[".repeat(20), "line 1, column 17: wanted at most 16 levels of nesting"],
    ["[1, -1e999]", "line 1, column 5: this number is too big"],
    ["{1: 2}", "line 1, column 2: wanted a key in quotation marks"],
  ])("says of %j where and what", (text, message) => {
    expect(() => readJson(text)).toThrow(new JsonSyntaxError(message.replace(/^line.*?: /, ""), ...placeOf(message)));
  });
});

function placeOf(message: string): [line: number, column: number] {
  const [, line, column] = /^line (\d+), column (\d+)/.exec(message) ?? [];
  return [Number(line), Number(column)];
}

function attempt(work: () => unknown): { value?: unknown; error?: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}
