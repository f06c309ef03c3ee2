import { describe, expect, it } from "vitest";
import { toText } from "./plain-data.ts";

describe("toText", () => {
  it("writes what JSON holds exactly", () => {
    const value = { id: "run", count: 3, list: [{ a: null }], gone: undefined };

    const text = toText(value);

    expect(JSON.parse(text ?? "")).toEqual({ id: "run", count: 3, list: [{ a: null }] });
  });

  it.each([
    ["bytes", { bytes: new Uint8Array(3) }],
    [
      "bytes in the parts of a list, as output has them",
      { runnerId: "r", pieces: [{ stream: "stdout", bytes: new Uint8Array(3) }] },
    ],
    ["a buffer", { sealed: Buffer.from("secret") }],
    ["a bigint", { big: 2n ** 60n }],
    ["a number that is none", { at: Number.NaN }],
    ["minus zero", { at: -0 }],
    ["a map", { map: new Map() }],
    ["a function", { call: () => 1 }],
    ["nothing at all", undefined],
  ])("leaves %s to be copied as it is", (_, value) => {
    const text = toText(value);

    expect(text).toBeUndefined();
  });
});
