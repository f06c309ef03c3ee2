import { describe, expect, it } from "vitest";
import { ConstraintViolationError, UniqueViolationError, UnitRefusal } from "../errors.ts";
import { LabelTakenError } from "./contract-units.ts";
import type { StoreContractOptions } from "./store-contract.ts";

const ENTRY_IDS = "SELECT id FROM entries ORDER BY id";

/** All of a unit or nothing, whatever becomes of the units that run beside it. */
export function describeAtomicity({ open }: StoreContractOptions): void {
  describe("a unit", () => {
    it("stores all of its effects and returns its result", async () => {
      await using store = await open();

      const added = await store.run("addEntries", { entries: [{ id: "a" }, { id: "b", parent: "a" }] });

      expect(added).toBe(2);
      expect(await store.all(ENTRY_IDS)).toEqual([{ id: "a" }, { id: "b" }]);
    });

    it("leaves nothing behind when it breaks a constraint in its middle", async () => {
      await using store = await open();
      await store.run("addEntry", { id: "a", label: "taken" });

      const adding = store.run("addEntries", { entries: [{ id: "b" }, { id: "c", label: "taken" }] });

      await expect(adding).rejects.toBeInstanceOf(UniqueViolationError);
      expect(await store.all(ENTRY_IDS)).toEqual([{ id: "a" }]);
    });

    it("refuses a row whose parent is missing", async () => {
      await using store = await open();

      const adding = store.run("addEntry", { id: "a", parent: "nobody" });

      await expect(adding).rejects.toBeInstanceOf(ConstraintViolationError);
      expect(await store.all(ENTRY_IDS)).toEqual([]);
    });

    it("may put a refusal of its own in the place of a broken constraint", async () => {
      await using store = await open();
      await store.run("addLabelled", { id: "a", label: "taken" });

      const refusal = await store.run("addLabelled", { id: "b", label: "taken" }).catch((error: unknown) => error);

      expect(refusal).toBeInstanceOf(LabelTakenError);
      expect(refusal).toMatchObject({
        code: "LABEL_TAKEN",
        details: { label: "taken" },
        message: "the label taken is taken",
      });
    });

    it("cannot go on after a statement that failed", async () => {
      await using store = await open();

      const going = store.run("goOnAfterFailure", { id: "a" });

      await expect(going).rejects.toBeInstanceOf(ConstraintViolationError);
      expect(await store.all(ENTRY_IDS)).toEqual([]);
    });

    it("that does not exist is refused", async () => {
      await using store = await open();

      await expect(store.run("toString" as "addEntry", { id: "a" })).rejects.toThrow("no unit named toString");
    });
  });

  describe("a group of units", () => {
    // Seen red without savepoints: "b", "d" and "e" were stored with the rest of the group.
    it("loses only those that refuse or fail", async () => {
      await using store = await open();

      const settled = await Promise.allSettled([
        store.run("addEntry", { id: "a" }),
        store.run("addThenRefuse", { id: "b" }),
        store.run("addEntry", { id: "c" }),
        store.run("addThenFail", { id: "d" }),
        store.run("addEntries", { entries: [{ id: "e" }, { id: "a" }] }),
        store.run("addEntry", { id: "f" }),
      ]);

      expect(settled.map(({ status }) => status === "fulfilled")).toEqual([true, false, true, false, false, true]);
      expect(await store.all(ENTRY_IDS)).toEqual([{ id: "a" }, { id: "c" }, { id: "f" }]);
    });

    it("tells each caller its own refusal, with code and details", async () => {
      await using store = await open();

      const refusals = await Promise.all(
        ["a", "b"].map((id) => store.run("addThenRefuse", { id }).catch((error: unknown) => error)),
      );

      expect(refusals[0]).toBeInstanceOf(UnitRefusal);
      expect(refusals[0]).toMatchObject({ code: "CHANGED_MY_MIND", details: { id: "a", nested: { list: [1, 2] } } });
      expect(refusals[1]).toMatchObject({ code: "CHANGED_MY_MIND", details: { id: "b" } });
    });
  });
}
