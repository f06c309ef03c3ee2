import { serve } from "@hono/node-server";
import Database from "better-sqlite3";
import { Hono } from "hono";
import { randomUUID } from "node:crypto";

import { GroupedWriter } from "../harness/grouped-writer.ts";
import { readTask } from "../harness/processes.ts";

// Hono as it comes: `POST /runs` and `GET /runs/:id`, with one durable row for each run, or with none at all.

/** A row of the bare server. */
export interface BareRow {
  readonly id: string;
  readonly order: string;
  readonly at: number;
}

/** What the bare server is told. */
export interface BareServerTask {
  readonly port: number;
  /** The database; absent: runs are kept in memory. */
  readonly file?: string;
}

export const CREATE =
  "CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, order_text TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID";

interface Keeper {
  put(row: BareRow): Promise<void>;
  get(id: string): BareRow | undefined;
}

const { port, file } = readTask<BareServerTask>();
const keeper = file === undefined ? inMemory() : onDisk(file);
const app = new Hono();
app.post("/runs", async (c) => {
  const order: unknown = await c.req.json();
  const row = { id: `run_${randomUUID()}`, order: JSON.stringify(order), at: Date.now() };
  await keeper.put(row);
  return c.json({ success: true, data: { ...row, order } }, 201);
});
app.get("/runs/:id", (c) => {
  const row = keeper.get(c.req.param("id"));
  return row ? c.json({ success: true, data: { ...row, order: JSON.parse(row.order) as unknown } }) : c.notFound();
});
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
process.once("SIGTERM", () => process.exit(0));

function inMemory(): Keeper {
  const rows = new Map<string, BareRow>();
  return {
    put: async (row) => void rows.set(row.id, row),
    get: (id) => rows.get(id),
  };
}

function onDisk(path: string): Keeper {
  const made = new Database(path);
  made.pragma("journal_mode = WAL");
  made.exec(CREATE);
  made.close();
  const writer = new GroupedWriter<BareRow>(new URL("./bare-row-writer.ts", import.meta.url), { file: path });
  const select = new Database(path, { readonly: true }).prepare<[string], BareRow>(
    'SELECT id, order_text AS "order", at FROM runs WHERE id = ?',
  );
  return { put: (row) => writer.commit(row), get: (id) => select.get(id) };
}
