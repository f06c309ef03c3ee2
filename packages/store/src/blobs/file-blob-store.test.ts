import { createHash } from "node:crypto";
import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { FileBlobStore } from "./file-blob-store.ts";

const BYTES = Buffer.from("some bytes");
const NAME = createHash("sha256").update(BYTES).digest("hex");

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function* failing(): AsyncIterable<Uint8Array> {
  yield BYTES;
  throw new Error("the sender went away");
}

describe("FileBlobStore", () => {
  it("keeps a blob under its hash, for its owner only, and no other file", async () => {
    await using dir = await tempDir();
    const blobs = new FileBlobStore({ directory: dir.path });

    await blobs.put(NAME, once(BYTES), { maxBytes: 100 });

    const path = dir.file(NAME.slice(0, 2), NAME.slice(2));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dir.file(NAME.slice(0, 2))).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir.file("tmp"))).toEqual([]);
  });

  it("leaves nothing behind when the source fails", async () => {
    await using dir = await tempDir();
    const blobs = new FileBlobStore({ directory: dir.path });

    await expect(blobs.put(NAME, failing(), { maxBytes: 100 })).rejects.toThrow("went away");

    expect(readdirSync(dir.file("tmp"))).toEqual([]);
    expect(await blobs.size(NAME)).toBeUndefined();
  });

  it("sweeps only what is old enough", async () => {
    await using dir = await tempDir();
    const blobs = new FileBlobStore({ directory: dir.path, now: () => 100_000_000 });
    await blobs.put(NAME, once(BYTES), { maxBytes: 100 });
    for (const [name, ageMs] of [
      ["old", 60_001],
      ["young", 60_000],
    ] as const) {
      const path = join(dir.file("tmp"), name);
      writeFileSync(path, "");
      utimesSync(path, new Date(), new Date(100_000_000 - ageMs));
    }

    expect(await blobs.sweep(60_000)).toBe(1);

    expect(readdirSync(dir.file("tmp"))).toEqual(["young"]);
    expect(await blobs.size(NAME)).toBe(BYTES.length);
  });
});
