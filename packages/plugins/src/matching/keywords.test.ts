import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeywordIndex, wordsOf } from "./keywords.ts";

const has = (text: string, keyword: string) => new KeywordIndex(text).has(wordsOf(keyword));

describe("KeywordIndex.has", () => {
  it.each([
    ["Fix the API of the backend", "api", true],
    ["Fix the API of the backend", "back", false],
    ["therapist", "api", false],
    ["a REST API, please", "rest-api", true],
    ["rest for the api", "rest-api", false],
    ["rest rest api", "rest api", true],
    ["Node.js 24", "node.js", true],
    ["written in C#", "c#", true],
    ["written in C", "c#", false],
    ["written in C++.", "c++", true],
    ["written in C++", "c", false],
    ["a+b", "a", true],
    ["see issue #12", "12", true],
    ["GRÜSSE aus der Straße", "grüße", true],
    ["GRÜSSE aus der STRASSE", "straße", true],
    ["caf\u0065\u0301 au lait", "café", true],
    ["ΟΔΟΣ", "οδος", true],
    ["連接数据库服务", "数据库", true],
    ["連接数据服务", "数据库", false],
    ["ＡＰＩ", "api", true],
    ["", "api", false],
    ["anything", "---", false],
    ["anything", "", false],
  ])("in %j the keyword %j is found: %s", (text, keyword, expected) => {
    expect(has(text, keyword)).toBe(expected);
  });

  it("agrees with a search at every place", () => {
    const texts = fc.array(fc.constantFrom("a", "b", "ab"), { maxLength: 14 });
    const keywords = fc.array(fc.constantFrom("a", "b", "ab"), { minLength: 1, maxLength: 5 });

    fc.assert(
      fc.property(texts, keywords, (text, keyword) => {
        const expected = text.some((_, i) => keyword.every((word, k) => text[i + k] === word));
        expect(has(text.join(" "), keyword.join("-"))).toBe(expected);
      }),
    );
  });

  it("takes any text and keyword there is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, keyword) => {
        expect(has(`${text} ${keyword}`, keyword)).toBe(wordsOf(keyword).length > 0);
      }),
    );
  });

  it("reads the longest text allowed in one go, with keywords that nearly match everywhere", () => {
    const text = "a ".repeat(50_000);
    const keywords = Array.from({ length: 100 }, () => `${"a ".repeat(31)}b`);

    const start = performance.now();
    const index = new KeywordIndex(`${text}b`);
    const found = keywords.filter((keyword) => index.has(wordsOf(keyword)));

    expect(found.length).toBe(100);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
