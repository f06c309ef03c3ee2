import { statSync } from "node:fs";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { migrations } from "../../test/_support/odd-units.ts";
import type { OddUnits } from "../../test/_support/odd-units.ts";
import {
  ConstraintViolationError,
  OutcomeUnknownError,
  StoreClosedError,
  StoreOpenError,
  UnitRefusal,
} from "../errors.ts";
import { createSqliteStore } from "./index.ts";
import { MAX_WAL_BYTES } from "./limits.ts";

const units = new URL("../../test/_support/odd-units.ts", import.meta.url);
const open = (directory: string) => createSqliteStore<OddUnits>({ directory, units, migrations, reserveBytes: 0 });
const NOTE_IDS = "SELECT id FROM notes ORDER BY id";

describe("the writer's thread", () => {
  it("lets only the unit fail whose broken reference shows at the commit", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));

    const settled = await Promise.allSettled([
      store.run("note", { id: "a" }),
      store.run("linkToNothing", undefined),
      store.run("note", { id: "b" }),
    ]);

    expect(settled[1]).toMatchObject({ status: "rejected", reason: expect.any(ConstraintViolationError) as unknown });
    expect(await store.all(NOTE_IDS)).toEqual([{ id: "a" }, { id: "b" }]);
  });

  it("keeps the group when a statement of one unit rolls the whole transaction back", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));

    await Promise.allSettled([
      store.run("note", { id: "a" }),
      store.run("insertOrRollBack", { id: "a" }),
      store.run("note", { id: "b" }),
    ]);

    expect(await store.all(NOTE_IDS)).toEqual([{ id: "a" }, { id: "b" }]);
  });

  it("refuses arguments and results that cannot cross threads, each at its own caller", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));

    const settled = await Promise.allSettled([
      store.run("note", { id: "a" }),
      store.run("take", { value: () => 1 }),
      store.run("returnFunction", { id: "b" }),
      store.run("note", { id: "c" }),
    ]);

    expect(settled.map((one) => (one.status === "rejected" ? (one.reason as Error).message : one.value))).toEqual([
      "a",
      "the arguments of take are not plain data",
      "the unit is stored, but what it returned is not plain data",
      "c",
    ]);
  });

  it("brings a refusal of an unknown class back as a UnitRefusal under its own name", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));

    const refusal = await store.run("refuseInOwnClass", undefined).catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(UnitRefusal);
    expect(refusal).toMatchObject({ name: "UnknownRefusal", code: "OWN" });
  });

  it("that ends takes nothing more: unknown for those that wait, a fatal event, closed for the rest", async () => {
    await using dir = await tempDir();
    const store = await open(dir.file("data"));
    const fatal: Error[] = [];
    store.onFatal((error) => fatal.push(error));

    const waiting = await Promise.allSettled([store.run("note", { id: "a" }), store.run("endThread", undefined)]);

    for (const one of waiting) expect(one).toMatchObject({ reason: expect.any(OutcomeUnknownError) as unknown });
    expect(fatal).toEqual([expect.any(OutcomeUnknownError)]);
    await expect(store.run("note", { id: "b" })).rejects.toBeInstanceOf(StoreClosedError);
    expect(await store.all(NOTE_IDS)).toEqual([]);
    await store.close();
    await (await open(dir.file("data"))).close();
  });

  it("keeps the database, its log and its lock for their owner only", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));
    await store.run("note", { id: "a" });

    for (const name of ["signalbox.db", "signalbox.db-wal", "signalbox.db-shm", "signalbox.lock", "owner.json"]) {
      expect([name, statSync(dir.file("data", name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it("that cannot import its units refuses to open, and lets go of the folder", async () => {
    await using dir = await tempDir();
    const directory = dir.file("data");
    const missing = new URL("./no-such-units.ts", import.meta.url);

    const opening = createSqliteStore({ directory, units: missing, migrations, reserveBytes: 0 });

    await expect(opening).rejects.toBeInstanceOf(StoreOpenError);
    await (await open(directory)).close();
  });

  it("keeps the write-ahead log bounded, and leaves none behind", async () => {
    await using dir = await tempDir();
    const store = await open(dir.file("data"));
    const content = new Uint8Array(256 * 1024).fill(1);
    let longest = 0;

    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 16 }, (_, n) => store.run("note", { id: `${round}-${n}`, content })));
      longest = Math.max(longest, statSync(dir.file("data", "signalbox.db-wal")).size);
    }
    await store.close();

    expect(longest).toBeLessThan(MAX_WAL_BYTES + 2 * 16 * content.length);
    expect(statSync(dir.file("data", "signalbox.db-wal"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
