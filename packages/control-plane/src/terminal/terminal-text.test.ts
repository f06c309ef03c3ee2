import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { strayBytes, unfinishedBytes } from "./terminal-text.ts";

const texts = fc.string({ unit: fc.constantFrom("a", "é", "日", "👩", "\u001b", "\r\n"), maxLength: 40 });

describe("the end of a piece of text", () => {
  it("waits for the rest of a character, wherever the bytes are cut, so that no character is ever broken", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(200)), (text, cuts) => {
        const bytes = Buffer.from(text);
        const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        let [shown, from] = ["", 0];
        for (const place of places) {
          const piece = bytes.subarray(from, place);
          const whole = piece.subarray(0, piece.length - unfinishedBytes(piece));
          shown += whole.toString("utf8");
          from += whole.length;
        }
        expect(shown).toBe(text);
      }),
    );
  });

  it.each([
    ["nothing", [], 0],
    ["a letter", [0x61], 0],
    ["the first byte of two", [0x61, 0xc3], 1],
    ["the first byte of four", [0xf0], 1],
    ["three bytes of four", [0xf0, 0x9f, 0x91], 3],
    ["a whole character of four", [0xf0, 0x9f, 0x91, 0xa9], 0],
    ["a byte that begins nothing", [0xff], 0],
    ["an overlong beginning", [0xc0], 0],
    ["bytes that only go on", [0x80, 0x80, 0x80, 0x80], 0],
  ])("waits for as many bytes as the rest of a character can be after %s", (_, bytes, unfinished) => {
    expect(unfinishedBytes(Uint8Array.from(bytes))).toBe(unfinished);
  });
});

describe("the start of a piece of text", () => {
  it("is at the next character when it is asked for in the middle of one", () => {
    const bytes = Buffer.from("日x");
    expect([0, 1, 2, 3].map((from) => strayBytes(bytes.subarray(from)))).toEqual([0, 2, 1, 0]);
  });

  it("is not looked for further than a character is long", () => {
    expect(strayBytes(new Uint8Array(10).fill(0x80))).toBe(3);
  });
});
