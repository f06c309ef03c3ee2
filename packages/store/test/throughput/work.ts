import { run } from "../../src/unit.ts";
import type { Migration } from "../../src/sqlite/index.ts";

/** The rows of one order: a run, its step and four events. */
export interface Order {
  readonly runId: string;
  readonly orgId: string;
  readonly goal: string;
  readonly now: number;
  readonly events: readonly string[];
}

export const INSERT_RUN = "INSERT INTO runs (id, org_id, state, goal, last_seq, created_at) VALUES (?, ?, ?, ?, ?, ?)";
export const INSERT_STEP = "INSERT INTO steps (run_id, idx, name, state, created_at) VALUES (?, ?, ?, ?, ?)";
export const INSERT_EVENT = "INSERT INTO events (stream, seq, type, at, data) VALUES (?, ?, ?, ?, ?)";

export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: "orders",
    up: [
      `CREATE TABLE runs (id TEXT PRIMARY KEY, org_id TEXT NOT NULL, state TEXT NOT NULL, goal TEXT NOT NULL,
        last_seq INTEGER NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID`,
      `CREATE TABLE steps (run_id TEXT NOT NULL, idx INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
        created_at INTEGER NOT NULL, PRIMARY KEY (run_id, idx)) WITHOUT ROWID`,
      `CREATE TABLE events (stream TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
        data TEXT NOT NULL, PRIMARY KEY (stream, seq)) WITHOUT ROWID`,
    ],
  },
];

export const units = {
  *createOrder({ runId, orgId, goal, now, events }: Order) {
    yield* run(INSERT_RUN, runId, orgId, "queued", goal, events.length, now);
    yield* run(INSERT_STEP, runId, 0, "build", "ready", now);
    for (const [index, type] of events.entries()) {
      yield* run(INSERT_EVENT, runId, index + 1, type, now, goal);
    }
    return runId;
  },
};

/** An order like those that a server makes; ids rise, as sortable ids do. */
export function makeOrder(n: number): Order {
  return {
    runId: `run_${n.toString(36).padStart(12, "0")}abcdefghijkl`,
    orgId: "org_0123456789abcdef",
    goal: "run the tests of the payments service and report what failed, with the logs of each failure",
    now: 1_763_000_000_000 + n,
    events: ["run.created", "step.created", "run.queued", "step.ready"],
  };
}
