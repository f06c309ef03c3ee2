import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LineSplitter } from "./line-splitter.ts";

describe("LineSplitter", () => {
  it("says the same wherever the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "ü", "漢", "\n", "\r\n", "👍")),
        fc.array(fc.nat(200)),
        (parts, cuts) => {
          const bytes = Buffer.from(parts.join(""));
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
          const splitter = new LineSplitter();

          const lines = [
            ...places.slice(1).flatMap((place, index) => splitter.push(bytes.subarray(places[index], place))),
            ...splitter.end(),
          ];

          const expected = parts
            .join("")
            .split("\n")
            .map((line) => line.replace(/\r$/, ""));
          expect(lines).toEqual(expected.at(-1) === "" ? expected.slice(0, -1) : expected);
        },
      ),
    );
  });

  it("cuts a line that does not end", () => {
    expect(new LineSplitter().push(Buffer.from("x".repeat(40_000))).map((line) => line.length)).toEqual([
      16_384, 16_384,
    ]);
  });
});
