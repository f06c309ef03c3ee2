import { describe, expect, it } from "vitest";

import { fit, pad, widthOf } from "./width.ts";

const RED = "\u001b[31m";
const OFF = "\u001b[0m";

describe("widths of a terminal", () => {
  it.each([
    ["hello", 5],
    ["漢字", 4],
    ["e\u0301", 1],
    ["👍🏽", 2],
    [`${RED}red${OFF}`, 3],
    ["", 0],
  ])("%j takes %i cells", (text, cells) => {
    expect(widthOf(text)).toBe(cells);
  });

  it("cuts between characters and leaves no colour on", () => {
    expect(fit("hello", 5)).toBe("hello");
    expect(fit("hello!", 5)).toBe("hell…");
    expect(fit("漢字漢字", 5)).toBe("漢字…");
    expect(fit(`${RED}hello!${OFF}`, 5)).toBe(`${RED}hell…${OFF}`);
    expect(fit("hello", 0)).toBe("");
  });

  it("fills up to a width", () => {
    expect(pad("漢", 4)).toBe("漢  ");
  });
});
