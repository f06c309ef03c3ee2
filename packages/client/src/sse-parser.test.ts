import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SseParser } from "./sse-parser.ts";

describe("SseParser", () => {
  it("reads names, ids and data over several lines, and passes over comments and unknown fields", () => {
    const parser = new SseParser();

    const messages = parser.push(": hi\nevent: init\nid: 7\ndata: [1,\ndata: 2]\nmood: good\n\ndata:  two\n\n");

    expect(messages).toEqual([
      { event: "init", id: "7", data: "[1,\n2]" },
      { event: "message", id: "7", data: " two" },
    ]);
  });

  it("says the same wherever the stream is cut, with any kind of line end", () => {
    const line = fc.oneof(
      fc.constantFrom("", "data", "data:", "data: x", "id: 1", "id", "event: e", ": c", "retry: 5", "data:é漢"),
      fc.string({ maxLength: 6 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
    );
    const text = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 30 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 10 }), (lines, cuts) => {
        // A CR before an LF is one line end, wherever they come from.
        const whole = lines.map(([words, end]) => words + end).join("");
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
        const pieces = places.slice(1).map((place, index) => whole.slice(places[index], place));
        const cut = new SseParser();

        const seen = pieces.flatMap((piece) => cut.push(piece));

        expect(seen).toEqual(new SseParser().push(whole));
      }),
    );
  });

  it("never hands out a message that the stream breaks off in", () => {
    const parser = new SseParser();

    expect(parser.push('data: {"seq":1}\n')).toEqual([]);
    expect(parser.push("\n")).toHaveLength(1);
  });

  it("refuses a message without an end", () => {
    const parser = new SseParser();
    const piece = "x".repeat(4 * 1_048_576);

    expect(() => {
      for (let sent = 0; sent < 12; sent++) parser.push(piece);
    }).toThrow(RangeError);
  });
});
