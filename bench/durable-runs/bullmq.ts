import { Queue, Worker } from "bullmq";

import { GOAL, type Contender, type Task } from "./contender.ts";

/** BullMQ with its defaults: a queue, and a worker in the same process whose handler does nothing. */
export async function openBullmq({ service, inFlight }: Task): Promise<Contender> {
  const connection = { host: "127.0.0.1", port: Number(service) };
  const queue = new Queue("runs", { connection });
  const worker = new Worker("runs", async () => undefined, { connection, concurrency: inFlight });
  const waiting = new Map<string, () => void>();
  const over = new Set<string>();
  worker.on("completed", ({ id = "" }) => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    if (resolve) resolve();
    else over.add(id);
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  return {
    async runOne() {
      const { id = "" } = await queue.add("run", { goal: GOAL, command: ["true"] });
      if (!over.delete(id)) await new Promise<void>((resolve) => waiting.set(id, resolve));
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
    },
  };
}
