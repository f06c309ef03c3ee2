import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createSqliteStore } from "../../src/sqlite/index.ts";
import { makeOrder, migrations } from "./work.ts";
import type { units } from "./work.ts";

// Orders per second (run + step + 4 events, one unit each): the bare program, the engine, the engine in memory.
// Run it with `node test/throughput/main.ts [orders] [in flight] [bare|engine|memory …]`.

const orders = Number(process.argv[2] ?? 200_000);
const inFlight = Number(process.argv[3] ?? 1_024);
const wanted = process.argv.slice(4);
const directory = mkdtempSync(join(tmpdir(), "signalbox-throughput-"));
const programs = { bare, engine: () => engine(join(directory, "engine")), memory: () => engine(":memory:") };

for (const [name, program] of Object.entries(programs)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const ms = await program();
  console.log(`${name.padEnd(8)} ${Math.round(orders / (ms / 1000))} orders/s`);
}
rmSync(directory, { recursive: true, force: true });

/** Keeps two batches on their way, as the engine's callers do. */
async function bare(): Promise<number> {
  const worker = new Worker(new URL("./bare-thread.ts", import.meta.url), { workerData: join(directory, "bare.db") });
  await new Promise((resolve) => worker.once("online", resolve));
  const start = performance.now();
  let sent = 0;
  let stored = 0;
  const send = () => {
    const batch = Math.min(inFlight / 2, orders - sent);
    if (batch > 0) worker.postMessage(Array.from({ length: batch }, () => makeOrder(sent++)));
  };
  await new Promise<void>((resolve) => {
    worker.on("message", (count: number) => {
      stored += count;
      if (stored === orders) resolve();
      send();
    });
    send();
    send();
  });
  const ms = performance.now() - start;
  await worker.terminate();
  return ms;
}

/** Each caller makes its next order when its last is durable. */
async function engine(path: string): Promise<number> {
  await using store = await createSqliteStore<typeof units>({
    directory: path,
    units: new URL("./work.ts", import.meta.url),
    migrations,
    reserveBytes: 0,
  });
  let next = 0;
  const caller = async () => {
    while (next < orders) await store.run("createOrder", makeOrder(next++));
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, caller));
  return performance.now() - start;
}
