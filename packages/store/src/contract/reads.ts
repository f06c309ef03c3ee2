import { describe, expect, it } from "vitest";
import { all, get, run } from "../unit.ts";
import type { StoreContractOptions } from "./store-contract.ts";

const COUNT = "SELECT COUNT(*) AS n FROM entries";

/** Reads show what is committed, and change nothing. */
export function describeReads({ open }: StoreContractOptions): void {
  describe("reads", () => {
    it("see a unit as soon as its promise resolves, every time", async () => {
      await using store = await open();

      for (let n = 1; n <= 50; n++) {
        await store.run("addEntry", { id: `e${n}` });
        expect(await store.get(COUNT)).toEqual({ n });
      }
    });

    it("find nothing as undefined, and no rows as an empty list", async () => {
      await using store = await open();

      expect(await store.get("SELECT id FROM entries WHERE id = ?", "nobody")).toBeUndefined();
      expect(await store.all("SELECT id FROM entries WHERE id = ?", "nobody")).toEqual([]);
    });

    it("refuse to write", async () => {
      await using store = await open();

      await expect(store.get("INSERT INTO entries (id) VALUES (?) RETURNING id", "a")).rejects.toThrow("may not write");
      await expect(store.all("DELETE FROM entries RETURNING id")).rejects.toThrow("may not write");
      const writing = store.view(function* () {
        yield* run("INSERT INTO entries (id) VALUES ('a')");
      });
      await expect(writing).rejects.toThrow("may not write");
      expect(await store.get(COUNT)).toEqual({ n: 0 });
    });

    it("fit together within one view", async () => {
      await using store = await open();
      await store.run("addEntries", { entries: [{ id: "a" }, { id: "b" }] });

      const seen = await store.view(function* () {
        const count = yield* get<{ n: number }>(COUNT);
        const rows = yield* all<{ id: string }>("SELECT id FROM entries ORDER BY id");
        return { count: count?.n, ids: rows.map(({ id }) => id) };
      });

      expect(seen).toEqual({ count: 2, ids: ["a", "b"] });
    });

    it("never see half a unit while many are stored", async () => {
      await using store = await open();
      let isStoring = true;
      const storing = Promise.all(
        Array.from({ length: 300 }, (_, n) => store.run("addEntries", { entries: [{ id: `${n}a` }, { id: `${n}b` }] })),
      ).finally(() => (isStoring = false));

      const counts: number[] = [];
      while (isStoring) {
        counts.push((await store.get<{ n: number }>(COUNT))?.n ?? NaN);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await storing;

      expect(counts.filter((n) => n % 2 !== 0)).toEqual([]);
      expect(await store.get(COUNT)).toEqual({ n: 600 });
    });
  });
}
