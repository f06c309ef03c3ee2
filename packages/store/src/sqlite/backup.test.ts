import Database from "better-sqlite3";
import { existsSync, statSync } from "node:fs";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { migrations } from "../../test/_support/odd-units.ts";
import type { OddUnits } from "../../test/_support/odd-units.ts";
import { createSqliteStore } from "./index.ts";

const units = new URL("../../test/_support/odd-units.ts", import.meta.url);

describe.each(["memory", "disk"])("a backup of a store in %s", (kind) => {
  const open = (path: string) =>
    createSqliteStore<OddUnits>({
      directory: kind === "memory" ? ":memory:" : path,
      units,
      migrations,
      reserveBytes: 0,
    });

  it("holds a whole prefix of what was stored while it was made", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));
    await store.run("note", { id: "before" });
    let isDone = false;

    const backup = store.backup(dir.file("copy.db")).finally(() => (isDone = true));
    let next = 0;
    while (!isDone)
      await Promise.all([1, 2, 3].map(() => store.run("note", { id: `n${String(next++).padStart(6, "0")}` })));
    await backup;

    const copy = new Database(dir.file("copy.db"), { readonly: true });
    const ids = copy.prepare("SELECT id FROM notes WHERE id <> 'before' ORDER BY id").pluck().all();
    expect(copy.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(copy.prepare("SELECT COUNT(*) FROM notes WHERE id = 'before'").pluck().get()).toBe(1);
    expect(ids).toEqual(ids.map((_, n) => `n${String(n).padStart(6, "0")}`));
    expect(statSync(dir.file("copy.db")).mode & 0o077).toBe(0);
    copy.close();
  });

  it("replaces nothing and leaves nothing when it fails", async () => {
    await using dir = await tempDir();
    await using store = await open(dir.file("data"));
    await store.backup(dir.file("copy.db"));

    await expect(store.backup(dir.file("copy.db"))).rejects.toThrow("a backup replaces nothing");
    await expect(store.backup(dir.file("no", "such", "folder", "copy.db"))).rejects.toThrow("ENOENT");

    expect(existsSync(dir.file("copy.db.partial"))).toBe(false);
  });
});
