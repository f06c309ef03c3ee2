import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkStreamName, encodeRecord, HEADER_BYTES, scanRecords } from "./record-codec.ts";
import type { SpoolRecord } from "./spool-record.ts";

const RECORDS: SpoolRecord[] = [
  { type: "meta", value: { grant: "g" } },
  { type: "output", stream: "stdout", seq: 1, offset: 0, bytes: Buffer.from("hello") },
  { type: "gap", stream: "stdout", seq: 2, offset: 5, length: 2 ** 40, reason: "quota" },
  { type: "output", stream: "stderr", seq: 1, offset: 2 ** 40, bytes: Buffer.from("SBS1 in the payload") },
  { type: "finish", value: { exitCode: 0 } },
];
const FILE = Buffer.concat(RECORDS.map(encodeRecord));

describe("scanRecords", () => {
  it("reads back what was encoded", () => {
    const scanned = [...scanRecords(FILE)];

    expect(scanned.map((found) => found.kind === "record" && found.record)).toEqual(RECORDS);
  });

  it("reads the whole records of a file that ends anywhere, and calls the rest torn", () => {
    const ends = [...scanRecords(FILE)].map(({ end }) => end);

    for (let length = 0; length < FILE.length; length++) {
      const scanned = [...scanRecords(FILE.subarray(0, length))];
      expect(scanned.filter(({ kind }) => kind === "record")).toHaveLength(ends.filter((end) => end <= length).length);
      expect(scanned.filter(({ kind }) => kind === "damage")).toEqual([]);
    }
  });

  // Seen red without the check of either checksum.
  it("notices every single flipped bit, and loses no record but the one that was hit", () => {
    const starts = [...scanRecords(FILE)].map(({ start }) => start);

    for (let bit = 0; bit < FILE.length * 8; bit++) {
      const damaged = Buffer.from(FILE);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const hit = starts.findLastIndex((start) => start <= bit >> 3);
      const records = [...scanRecords(damaged)].flatMap((found) => (found.kind === "record" ? [found.record] : []));
      expect(records).toEqual(RECORDS.toSpliced(hit, 1));
    }
  });

  it("tells from an intact header which bytes a damaged payload held", () => {
    const damaged = Buffer.from(FILE);
    const start = damaged.indexOf("hello");
    damaged[start]! ^= 1;

    const found = [...scanRecords(damaged)].find(({ kind }) => kind === "damage");

    expect(found).toMatchObject({
      start: start - HEADER_BYTES,
      lost: { stream: "stdout", seq: 1, offset: 0, length: 5 },
    });
  });

  it("makes no record of any garbage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const kinds = [...scanRecords(Buffer.from(bytes))].map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === "record")).toEqual([]);
      }),
    );
  });
});

describe("checkStreamName", () => {
  it("refuses names that do not fit into a header", () => {
    for (const name of ["", "a".repeat(17), "with space", "ümlaut"]) {
      expect(() => checkStreamName(name)).toThrow(RangeError);
    }
  });
});
