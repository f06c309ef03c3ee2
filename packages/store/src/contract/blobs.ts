import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { BlobMismatchError, BlobTooLargeError, InvalidBlobNameError } from "../errors.ts";
import type { StoreContractOptions } from "./store-contract.ts";

const HELLO = "hello, blob";
const NO_BLOB = "0".repeat(64);

/** Bytes under their hash: kept once, found by it, and never kept under another. */
export function describeBlobs({ open }: StoreContractOptions): void {
  describe("blobs", () => {
    it("come back whole and in part", async () => {
      await using store = await open();
      const name = sha256(HELLO);

      expect(await store.blobs.put(name, chunks("hello", ", blob"), { maxBytes: 100 })).toEqual({ size: HELLO.length });

      expect(await text(store.blobs.get(name))).toBe(HELLO);
      expect(await text(store.blobs.get(name, { start: 7 }))).toBe("blob");
      expect(await text(store.blobs.get(name, { start: 1, end: 4 }))).toBe("ello");
      expect(await store.blobs.size(name)).toBe(HELLO.length);
    });

    it("may be empty", async () => {
      await using store = await open();

      await store.blobs.put(sha256(""), chunks(), { maxBytes: 0 });

      expect(await text(store.blobs.get(sha256("")))).toBe("");
      expect(await store.blobs.size(sha256(""))).toBe(0);
    });

    it("are kept once, however often and at once they are put", async () => {
      await using store = await open();
      const name = sha256(HELLO);

      const puts = Array.from({ length: 8 }, () => store.blobs.put(name, chunks(HELLO), { maxBytes: 100 }));

      expect(await Promise.all(puts)).toEqual(Array(8).fill({ size: HELLO.length }));
      expect(await collect(store.blobs.list())).toEqual([name]);
    });

    it("whose bytes have another hash are not kept, also when the name is known", async () => {
      await using store = await open();
      const name = sha256(HELLO);

      await expect(store.blobs.put(name, chunks("other"), { maxBytes: 100 })).rejects.toBeInstanceOf(BlobMismatchError);
      expect(await store.blobs.has([name])).toEqual(new Set());

      await store.blobs.put(name, chunks(HELLO), { maxBytes: 100 });
      await expect(store.blobs.put(name, chunks("other"), { maxBytes: 100 })).rejects.toBeInstanceOf(BlobMismatchError);
      expect(await text(store.blobs.get(name))).toBe(HELLO);
    });

    it("are refused beyond their limit and taken at it", async () => {
      await using store = await open();
      const name = sha256(HELLO);

      const tooLarge = store.blobs.put(name, chunks(HELLO), { maxBytes: HELLO.length - 1 });
      await expect(tooLarge).rejects.toBeInstanceOf(BlobTooLargeError);
      expect(await store.blobs.size(name)).toBeUndefined();

      await store.blobs.put(name, chunks(HELLO), { maxBytes: HELLO.length });
      expect(await store.blobs.has([name, NO_BLOB])).toEqual(new Set([name]));
    });

    it("are gone when they are deleted", async () => {
      await using store = await open();
      const name = sha256(HELLO);
      await store.blobs.put(name, chunks(HELLO), { maxBytes: 100 });

      expect([await store.blobs.delete(name), await store.blobs.delete(name)]).toEqual([true, false]);

      expect(await store.blobs.get(name)).toBeUndefined();
      expect(await collect(store.blobs.list())).toEqual([]);
    });

    it("have no other names than hashes", async () => {
      await using store = await open();
      const names = [
        "",
        "../../etc/passwd",
        "a".repeat(63),
        "A".repeat(64),
        `${"a".repeat(64)}\n`,
        `${"a".repeat(61)}/..`,
      ];

      for (const name of names) {
        await expect(store.blobs.put(name, chunks(HELLO), { maxBytes: 100 })).rejects.toBeInstanceOf(
          InvalidBlobNameError,
        );
        await expect(store.blobs.get(name)).rejects.toBeInstanceOf(InvalidBlobNameError);
        await expect(store.blobs.has([name])).rejects.toBeInstanceOf(InvalidBlobNameError);
        await expect(store.blobs.delete(name)).rejects.toBeInstanceOf(InvalidBlobNameError);
      }
    });
  });
}

function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

async function* chunks(...parts: string[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function collect(names: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const name of names) collected.push(name);
  return collected;
}

async function text(
  blob: ReturnType<Awaited<ReturnType<StoreContractOptions["open"]>>["blobs"]["get"]>,
): Promise<string> {
  const stream = await blob;
  return stream ? (await buffer(stream)).toString() : "(no such blob)";
}
