import Database from "better-sqlite3";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { INSERT_EVENT, INSERT_RUN, INSERT_STEP, migrations } from "./work.ts";
import type { Order } from "./work.ts";

// The least program that stores orders durably in groups: what the engine is measured against.

const database = new Database(workerData as string);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.pragma("cache_size = -65536");
for (const sql of migrations[0]?.up ?? []) database.exec(sql);
const insertRun = database.prepare(INSERT_RUN);
const insertStep = database.prepare(INSERT_STEP);
const insertEvent = database.prepare(INSERT_EVENT);

const storeAll = database.transaction((orders: Order[]) => {
  for (const { runId, orgId, goal, now, events } of orders) {
    insertRun.run(runId, orgId, "queued", goal, events.length, now);
    insertStep.run(runId, 0, "build", "ready", now);
    for (let index = 0; index < events.length; index++) insertEvent.run(runId, index + 1, events[index], now, goal);
  }
});

parentPort?.on("message", (first: Order[]) => {
  for (let orders: Order[] | undefined = first; orders; orders = waiting()) {
    storeAll(orders);
    parentPort?.postMessage(orders.length);
  }
});

function waiting(): Order[] | undefined {
  return parentPort ? (receiveMessageOnPort(parentPort) as { message: Order[] } | undefined)?.message : undefined;
}
