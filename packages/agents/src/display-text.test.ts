import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { displayText } from "./display-text.ts";

describe("displayText", () => {
  it.each([
    ["plain words, ünïcode and 漢字", "plain words, ünïcode and 漢字"],
    ["rm -rf /\u001b[2K\u001b[1Gls", "rm -rf /\\u{1b}[2K\\u{1b}[1Gls"],
    ["\u001b]8;;http://evil\u0007click\u001b]8;;\u0007", "\\u{1b}]8;;http://evil\\u{7}click\\u{1b}]8;;\\u{7}"],
    ["user\u202etxt.exe", "user\\u{202e}txt.exe"],
    ["zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"],
    ["tag \u{e0041}", "tag \\u{e0041}"],
    ["blank\u3164name", "blank\\u{3164}name"],
    ["\u009b31m", "\\u{9b}31m"],
    ["lone \ud800", "lone \\u{d800}"],
    ["one\r\ntwo\tthree", "one\\r\\ntwo\\tthree"],
  ])("shows %j as %j", (text, shown) => {
    expect(displayText(text)).toBe(shown);
  });

  it("keeps lines and tabs where there is room for them, and nothing else", () => {
    expect(displayText("one\n\ttwo\r\u001b[0m", { isMultiline: true })).toBe("one\n\ttwo\\r\\u{1b}[0m");
  });

  it("leaves nothing that a terminal or an eye takes for something else, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(displayText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });
});
