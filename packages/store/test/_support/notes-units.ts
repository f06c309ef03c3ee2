import { UnitRefusal, get, run } from "@signalbox/store";
import type { Migration } from "@signalbox/store";

export const migrations: readonly Migration[] = [
  { id: 1, name: "notes", up: ["CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL)"] },
];

export const units = {
  *addNote({ id, text }: { id: string; text: string }) {
    const found = yield* get("SELECT 1 AS found FROM notes WHERE id = ?", id);
    if (found) throw new UnitRefusal("NOTE_EXISTS", `the note ${id} exists`, { id });
    yield* run("INSERT INTO notes (id, text) VALUES (?, ?)", id, text);
    return id;
  },
};
