import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JsonLineSplitter, JsonLineWriter } from "./json-lines.ts";
import type { JsonLine } from "./json-lines.ts";

function split(text: string, cuts: readonly number[] = [], maxBytes = 1_000): JsonLine[] {
  const splitter = new JsonLineSplitter(maxBytes);
  const bytes = Buffer.from(text);
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  const lines = edges.slice(1).flatMap((edge, index) => [...splitter.push(bytes.subarray(edges[index], edge))]);
  return [...lines, ...splitter.end()];
}

describe("JsonLineSplitter", () => {
  it("reads the same however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (frames, cuts) => {
        const values = split(frames.map((frame) => `${frame}\n`).join(""), cuts, 100_000).map((line) =>
          line.kind === "frame" ? line.value : line,
        );

        expect(values).toEqual(frames.map((frame) => JSON.parse(frame) as unknown));
      }),
      { numRuns: 200 },
    );
  });

  it("takes what is no JSON as garbage, shows its beginning, and goes on", () => {
    const lines = split(`Warning: deprecated\n{"a":1}\n${"x".repeat(500)}\n\n  \n[1`);

    expect(lines).toMatchObject([
      { kind: "garbage", text: "Warning: deprecated", bytes: 19 },
      { kind: "frame", value: { a: 1 } },
      { kind: "garbage", text: "x".repeat(200), bytes: 500 },
      { kind: "garbage", text: "[1" },
    ]);
  });

  it("skips a line that is too long, wherever it is cut, and reads the next", () => {
    const text = `${"x".repeat(2_500)}\n{"a":1}\n`;

    for (const cuts of [[], [999], [1_000, 1_001], [2_499], [2_500]]) {
      expect(split(text, cuts)).toMatchObject([{ kind: "oversized", bytes: 2_500 }, { kind: "frame" }]);
    }
  });

  it("takes a line of exactly the limit", () => {
    expect(split(`"${"x".repeat(998)}"\n`)).toMatchObject([{ kind: "frame", bytes: 1_000 }]);
    expect(split(`"${"x".repeat(999)}"\n`)).toMatchObject([{ kind: "oversized", bytes: 1_001 }]);
  });

  it("is not brought down by depth, by bytes that are no text, or by a name that means something", () => {
    const deep = `${"[".repeat(400)}${"]".repeat(400)}`;

    expect(split(`${deep}\n{"__proto__":{"polluted":1}}\n`).map(({ kind }) => kind)).toEqual(["frame", "frame"]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const splitter = new JsonLineSplitter(100);
    expect([...splitter.push(Uint8Array.of(0xff, 0xfe, 0x0a))]).toMatchObject([{ kind: "garbage" }]);
  });
});

describe("JsonLineWriter", () => {
  it("waits for whoever leaves too much unread, and for nobody when the stream is gone", async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    const writer = new JsonLineWriter(stream, 1_000);
    await writer.write({ short: "x".repeat(500) });

    let isTaken = false;
    const writing = writer.write({ long: "x".repeat(1_000) }).then(() => (isTaken = true));
    await new Promise(setImmediate);
    expect(isTaken).toBe(false);
    stream.resume();
    await writing;
    writer.end();

    await expect(writer.write({ late: true })).resolves.toBeUndefined();
  });

  it("is not brought down by a pipe that breaks", async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const writer = new JsonLineWriter(stream, 1_000);

    await writer.write({ a: 1 });
    await new Promise(setImmediate);

    await expect(writer.write({ a: 2 })).resolves.toBeUndefined();
  });
});
