import { DatabaseSync } from "node:sqlite";

/** How many rows each table of a database has, whether a server has it open or not. */
export function storedRows(database: string): Record<string, number> {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    const counts = tables.map(({ name }) => {
      const row = db.prepare(`SELECT count(*) AS count FROM "${String(name)}"`).get();
      return [String(name), Number(row?.["count"])] as const;
    });
    return Object.fromEntries(counts);
  } finally {
    db.close();
  }
}
