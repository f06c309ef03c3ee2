import { limit } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { Refusal } from "../refusal.ts";
import { parseJsonBody } from "./json-body.ts";

const nested = (depth: number) => `${"[".repeat(depth)}1${"]".repeat(depth)}`;
const keyed = (count: number) => `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join(",")}}`;

describe("parseJsonBody", () => {
  it.each([
    ["an object", `{"a":[1,"two",null,true,{"b":"\\"quoted\\" \\\\"}]}`],
    ["braces and colons in strings", `{"a":"[[[{{{:::","b:":"}]"}`],
    ["an escaped pair of surrogates", `"\\ud83d\\ude00"`],
    ["the deepest that is allowed", nested(limit("body.depth"))],
    ["the most keys that are allowed", keyed(limit("body.keys"))],
  ])("reads %s", (_, text) => {
    expect(parseJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it.each([
    ["nothing", ""],
    ["white space", "  \n"],
    ["half an object", `{"a":1`],
    ["something behind the value", `{"a":1} x`],
    ["two values", `{}{}`],
    ["a trailing comma", `{"a":1,}`],
    ["a comment", `{/* a */"a":1}`],
    ["single quotes", `{'a':1}`],
    ["NaN", `{"a":NaN}`],
    ["a byte order mark", "\ufeff{}"],
    ["a raw NUL", `{"a":"\u0000"}`],
    ["an escaped NUL", `{"a":"\\u0000"}`],
    ["an escaped NUL in a key", `{"a\\u0000":1}`],
    ["half a pair of surrogates", `{"a":"\\ud800"}`],
    ["the same key twice", `{"a":1,"a":2}`],
    ["the same key twice, spelled differently", `{"a":1,"\\u0061":2}`],
    ["the same key twice, deep down", `{"x":[{"y":{"a":1,"b":2,"a":3}}]}`],
    ["__proto__", `{"__proto__":{"admin":true}}`],
    ["__proto__ in disguise", `{"\\u005f_proto__":{}}`],
    ["constructor", `{"constructor":{"prototype":{}}}`],
    ["prototype", `[{"prototype":1}]`],
    ["a number that is too large", `{"a":1e999}`],
    ["one level too deep", nested(limit("body.depth") + 1)],
    ["one key too many", keyed(limit("body.keys") + 1)],
  ])("refuses %s", (_, text) => {
    expect(() => parseJsonBody(Buffer.from(text))).toThrow(Refusal);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow("is not UTF-8");
  });

  it.each([
    ["open brackets", "["],
    ["quotes", `"`],
    ["backslashes", "\\"],
    ["escaped quotes", `\\"`],
    ["quoted backslashes", `"\\`],
    ["colons", `:`],
    ["keys", `"a":`],
  ])("takes linear time for a body full of %s", (_, piece) => {
    const timeOf = (bytes: number) => {
      const body = Buffer.from(`["${piece.repeat(Math.floor(bytes / piece.length))}`);
      // Of this thread: what else the machine does is no matter.
      const before = process.threadCpuUsage();
      expect(() => parseJsonBody(body)).toThrow(Refusal);
      return process.threadCpuUsage(before).user / 1_000;
    };

    timeOf(10_000);

    expect(timeOf(limit("body.bytes"))).toBeLessThan(250);
  });
});
