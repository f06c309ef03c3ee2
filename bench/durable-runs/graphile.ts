import { Logger, run } from "graphile-worker";

import { GOAL, type Contender, type Task } from "./contender.ts";

/** graphile-worker as its documents tune it for throughput: a local queue, and completions in batches. */
export async function openGraphile({ service, inFlight }: Task): Promise<Contender> {
  const waiting = new Map<string, () => void>();
  const over = new Set<string>();
  const runner = await run({
    connectionString: service ?? "",
    noHandleSignals: true,
    logger: new Logger(() => () => undefined),
    taskList: { step: async () => undefined },
    preset: {
      worker: {
        maxPoolSize: 10,
        concurrentJobs: inFlight,
        pollInterval: 1_000,
        localQueue: { size: Math.max(500, inFlight) },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  runner.events.on("job:complete", ({ job: { id } }) => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    if (resolve) resolve();
    else over.add(id);
  });
  return {
    async runOne() {
      const { id } = await runner.addJob("step", { goal: GOAL, command: ["true"] });
      if (!over.delete(id)) await new Promise<void>((resolve) => waiting.set(id, resolve));
    },
    [Symbol.asyncDispose]: () => runner.stop(),
  };
}
