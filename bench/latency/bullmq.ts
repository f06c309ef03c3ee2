import { Queue, Worker } from "bullmq";

import { GOAL } from "../durable-runs/contender.ts";
import { readTask, report } from "../harness/processes.ts";
import { percentile } from "../harness/statistics.ts";
import type { Latency, LatencyTask } from "./lease.ts";

// From `queue.add` to the handler, in one process.

const { service, inFlight, samples } = readTask<LatencyTask>();
const WARM = 500;
const connection = { host: "127.0.0.1", port: Number(service) };
const waits: number[] = [];
const ends = new Map<number, () => void>();
const worker = new Worker<{ readonly number: number; readonly at: number }>(
  "latency",
  async ({ data: { number, at } }) => {
    waits.push(performance.now() - at);
    ends.get(number)?.();
    ends.delete(number);
  },
  { connection, concurrency: inFlight },
);
const queue = new Queue("latency", { connection });
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
let number = 0;
const caller = async () => {
  while (number < samples + WARM) {
    const own = number++;
    const ended = new Promise<void>((resolve) => ends.set(own, resolve));
    await queue.add("run", { number: own, at: performance.now(), goal: GOAL, command: ["true"] });
    await ended;
  }
};
await Promise.all(Array.from({ length: inFlight }, caller));
await worker.close();
await queue.close();
const kept = waits.slice(WARM);
const result: Latency = {
  leaseP50: Number.NaN,
  leaseP99: Number.NaN,
  orderP50: percentile(kept, 0.5),
  orderP99: percentile(kept, 0.99),
};
report(result);
