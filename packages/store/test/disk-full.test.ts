import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { canMount, eventually, smallDisk } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { StorageFullError } from "../src/errors.ts";
import type { SqliteStore } from "../src/sqlite/index.ts";
import { findDamage, openParcels } from "./_support/parcel-store.ts";
import type { ParcelUnits } from "./_support/parcel-units.ts";

const CYCLES = Number(process.env["SIGNALBOX_DISK_FULL_CYCLES"] ?? 3);
const DISK_MEGABYTES = 8;
const RESERVE_BYTES = 1024 * 1024;
const isPossible = canMount();

if (!isPossible) console.warn("disk-full: skipped, as this process may not mount a small file system");

describe.skipIf(!isPossible)("a full disk", () => {
  it("refuses what has no room, keeps what it acknowledged, reads, and recovers without a restart", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    const store = await openParcels(disk.data);
    const acknowledged: string[] = [];

    for (let cycle = 0; cycle < CYCLES; cycle++) {
      disk.fill();
      acknowledged.push(...(await storeUntilFull(store, `c${cycle}`)));
      expect(await store.get("SELECT COUNT(*) AS n FROM parcels")).toEqual({ n: acknowledged.length });

      disk.empty();
      acknowledged.push(await store.run("addParcel", { id: `c${cycle}-after`, bytes: 1_000 }));
    }

    await store.close();
    expect(findDamage(disk.data, acknowledged)).toEqual([]);
  });

  it("takes the small units of a group, when only the large one has no room", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    await using store = await openParcels(disk.data);

    const settled = await Promise.allSettled([
      store.run("addParcel", { id: "small", bytes: 100 }),
      store.run("addParcel", { id: "large", bytes: DISK_MEGABYTES * 1024 * 1024 }),
      store.run("addParcel", { id: "small too", bytes: 100 }),
    ]);

    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(settled[1]).toMatchObject({ reason: { name: "StorageFullError", code: "STORAGE_FULL", isRetryable: true } });
    expect(await store.run("countParcels", undefined)).toBe(2);
  });

  it("gives up its reserve, has room for what must be recorded, and says that there is none for more", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    await using store = await openParcels(disk.data, { reserveBytes: RESERVE_BYTES });
    expect(store.hasRoom).toBe(true);
    disk.fill();

    await storeUntilFull(store, "a");

    expect(store.hasRoom).toBe(false);
    expect(await store.run("addParcel", { id: "final state", bytes: 1_000 })).toBe("final state");
    expect(store.releaseReserve()).toBe(false);
  });

  it("takes more when its reserve is in place again", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    let now = 0;
    await using store = await openParcels(disk.data, { reserveBytes: RESERVE_BYTES, clock: { now: () => now } });
    disk.fill();
    await storeUntilFull(store, "a");

    disk.empty();
    now += 60_000;

    // Asking is what makes it try, so that a server without work finds out too.
    expect(await eventually(() => store.hasRoom)).toBe(true);
  });

  it("gets its reserve back when there is room and time has passed", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    let now = 0;
    const options = { reserveBytes: RESERVE_BYTES, clock: { now: () => now } };
    const store = await openParcels(disk.data, options);
    store.releaseReserve();

    await store.run("addParcel", { id: "at once", bytes: 10 });
    now += 60_000;
    await store.run("addParcel", { id: "later", bytes: 10 });
    await store.close();

    expect(statSync(join(disk.data, "reserve")).size).toBe(RESERVE_BYTES);
  });

  it("refuses a blob, keeps nothing of it, and takes it when there is room", async () => {
    await using disk = await smallDisk(DISK_MEGABYTES);
    await using store = await openParcels(disk.data);
    const bytes = Buffer.alloc(2 * 1024 * 1024, "blob");
    const name = createHash("sha256").update(bytes).digest("hex");
    const put = () => store.blobs.put(name, chunksOf(bytes), { maxBytes: bytes.length });
    disk.fill();

    await expect(put()).rejects.toBeInstanceOf(StorageFullError);
    expect(await store.blobs.size(name)).toBeUndefined();
    expect(await store.blobs.sweep(-1)).toBe(0);

    disk.empty();
    expect(await put()).toEqual({ size: bytes.length });
  });
});

/** Stores parcels, many at once, until the first is refused; returns those that were acknowledged. */
async function storeUntilFull(store: SqliteStore<ParcelUnits>, prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let round = 0; ; round++) {
    const ids = Array.from({ length: 20 }, (_, n) => `${prefix}-${round}-${n}`);
    const settled = await Promise.allSettled(ids.map((id) => store.run("addParcel", { id, bytes: 5_000 })));
    acknowledged.push(...settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
    const refusals = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(StorageFullError);
    if (refusals.length > 0) return acknowledged;
  }
}

async function* chunksOf(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
