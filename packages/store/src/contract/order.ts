import { describe, expect, it } from "vitest";
import type { StoreContractOptions } from "./store-contract.ts";

const CALLS = 1_000;
const CALLERS = 20;

/** Calls take effect in the order in which one caller makes them, however many make some at once. */
export function describeOrder({ open }: StoreContractOptions): void {
  describe("order", () => {
    it("is that of the calls of each caller, over a thousand at once", async () => {
      await using store = await open();
      const calls = Array.from({ length: CALLS }, (_, n) => ({ caller: `c${n % CALLERS}`, n }));

      const seqs = await Promise.all(calls.map((call) => store.run("append", call)));

      expect(new Set(seqs)).toEqual(new Set(Array.from({ length: CALLS }, (_, n) => n + 1)));
      for (let caller = 0; caller < CALLERS; caller++) {
        const log = await store.run("readLog", { caller: `c${caller}` });
        expect(log.map(({ n }) => n)).toEqual(calls.filter(({ n }) => n % CALLERS === caller).map(({ n }) => n));
      }
    });

    it("lets a later unit see what an earlier one stored", async () => {
      await using store = await open();

      const [, found] = await Promise.all([
        store.run("addEntry", { id: "a", label: "x" }),
        store.run("findEntry", { id: "a" }),
      ]);

      expect(found).toEqual({ label: "x" });
    });

    it("settles in the order of the calls, also among those that fail", async () => {
      await using store = await open();
      const settled: string[] = [];

      await Promise.allSettled([
        store.run("addEntry", { id: "a" }).then(() => settled.push("a")),
        store.run("addThenRefuse", { id: "b" }).catch(() => settled.push("b")),
        store.run("addEntry", { id: "c" }).then(() => settled.push("c")),
      ]);

      expect(settled).toEqual(["a", "b", "c"]);
    });
  });
}
