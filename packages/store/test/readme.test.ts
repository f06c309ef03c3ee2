import { createSqliteStore } from "@signalbox/store/sqlite";
import { describe, expect, it } from "vitest";
import { migrations } from "./_support/notes-units.ts";
import type { units } from "./_support/notes-units.ts";

describe("the program in the README", () => {
  it("stores, refuses and reads", async () => {
    await using store = await createSqliteStore<typeof units>({
      directory: ":memory:",
      units: new URL("./_support/notes-units.ts", import.meta.url),
      migrations,
    });

    await store.run("addNote", { id: "n1", text: "hello" });

    await expect(store.run("addNote", { id: "n1", text: "again" })).rejects.toMatchObject({ code: "NOTE_EXISTS" });
    expect(await store.get<{ text: string }>("SELECT text FROM notes WHERE id = ?", "n1")).toEqual({ text: "hello" });
  });
});
