import { describe, expect, it } from "vitest";
import { StoreClosedError } from "../errors.ts";
import type { StoreContractOptions } from "./store-contract.ts";

/** What is under way when a store is closed is finished; what comes later is refused. */
export function describeLifecycle({ open }: StoreContractOptions): void {
  describe("closing", () => {
    it("finishes what waits", async () => {
      const store = await open();
      const adding = Array.from({ length: 100 }, (_, n) => store.run("addEntry", { id: `e${n}` }));

      await store.close();

      expect(await Promise.all(adding)).toHaveLength(100);
    });

    it("refuses what comes later, and may be done twice", async () => {
      const store = await open();

      await Promise.all([store.close(), store.close()]);
      await store.close();

      await expect(store.run("addEntry", { id: "a" })).rejects.toBeInstanceOf(StoreClosedError);
      await expect(store.get("SELECT 1")).rejects.toBeInstanceOf(StoreClosedError);
    });
  });
}
