import { describe, expect, it } from "vitest";
import type { StoreContractOptions } from "./store-contract.ts";

const TEXTS = [
  "",
  "plain",
  "a\0b\0",
  "ünïcode 漢字 🚂",
  "quote ' \" \\ ?",
  "\u{feff}mark",
  "line\r\nline",
  "x".repeat(100_000),
];
const NUMBERS = [0, 1, -1, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const BIG_NUMBERS = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const BYTES = [new Uint8Array(), new Uint8Array([0, 1, 254, 255]), new Uint8Array(70_000).fill(7)];

/** What goes in comes out, through units and through reads. */
export function describeValues({ open }: StoreContractOptions): void {
  describe("values", () => {
    it("come back as they were: texts", async () => {
      await using store = await open();

      for (const [n, txt] of TEXTS.entries()) {
        const fromUnit = await store.run("putCell", { id: `${n}`, txt, num: null, bytes: null });
        const fromRead = await store.get("SELECT txt FROM cells WHERE id = ?", `${n}`);

        expect(fromUnit?.txt).toBe(txt);
        expect(fromRead).toEqual({ txt });
      }
    });

    it("come back as they were: integers, as numbers up to 2^53 and as bigints beyond", async () => {
      await using store = await open();

      for (const [n, num] of [...NUMBERS, ...BIG_NUMBERS].entries()) {
        const fromUnit = await store.run("putCell", { id: `${n}`, txt: null, num, bytes: null });
        const fromWrite = await store.run("putNumber", { id: `${n} again`, num });
        const fromRead = await store.all("SELECT num FROM cells WHERE id = ?", `${n}`);

        expect([fromUnit?.num, fromWrite?.num, fromRead]).toEqual([num, num, [{ num }]]);
      }
    });

    it("come back as numbers when they were small bigints", async () => {
      await using store = await open();

      const cell = await store.run("putCell", { id: "a", txt: null, num: 5n, bytes: null });

      expect(cell?.num).toBe(5);
    });

    it("come back as they were: bytes", async () => {
      await using store = await open();

      for (const [n, bytes] of BYTES.entries()) {
        const fromUnit = await store.run("putCell", { id: `${n}`, txt: null, num: null, bytes });
        const fromRead = await store.get<{ bytes: Uint8Array }>("SELECT bytes FROM cells WHERE id = ?", `${n}`);

        expect(Uint8Array.from(fromUnit?.bytes ?? [])).toEqual(bytes);
        expect(Uint8Array.from(fromRead?.bytes ?? [])).toEqual(bytes);
      }
    });

    it("come back as they were: bytes that are a part of a larger buffer", async () => {
      await using store = await open();
      const bytes = Buffer.from("xxhelloxx").subarray(2, 7);

      const cell = await store.run("putCell", { id: "a", txt: null, num: null, bytes });

      expect(Buffer.from(cell?.bytes ?? []).toString()).toBe("hello");
    });

    it("tell how many rows a statement changed", async () => {
      await using store = await open();
      await store.run("addEntries", {
        entries: [
          { id: "a", label: "1" },
          { id: "b", label: "2" },
          { id: "c", label: "3" },
        ],
      });

      expect(await store.run("renameAll", { label: "x" })).toBe(3);
    });
  });
}
