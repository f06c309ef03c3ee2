import { setTimeout as sleep } from "node:timers/promises";

import { readTask, report } from "../harness/processes.ts";
import type { Contender, ContenderName, Measured, Task } from "./contender.ts";

// One contender in a process of its own: keeps so many runs in flight for a while and counts those that end.

const open: Record<ContenderName, (task: Task) => Promise<Contender>> = {
  signalbox: async (task) => (await import("./signalbox.ts")).openSignalbox(task),
  units: async (task) => (await import("./units.ts")).openUnits(task),
  bare: async (task) => (await import("./bare.ts")).openBare(task),
  bullmq: async (task) => (await import("./bullmq.ts")).openBullmq(task),
  graphile: async (task) => (await import("./graphile.ts")).openGraphile(task),
  dbos: async (task) => (await import("./dbos.ts")).openDbos(task),
};

const task = readTask<Task>();
const contender = await open[task.name](task);
const measured = await measure(contender);
await contender[Symbol.asyncDispose]();
report(measured);

async function measure({ runOne }: Contender): Promise<Measured> {
  let ended = 0;
  let isOver = false;
  const caller = async () => {
    while (!isOver) {
      await runOne();
      ended++;
    }
  };
  const callers = Promise.all(Array.from({ length: task.inFlight }, caller));
  await Promise.race([sleep(task.warmMs), callers]);
  const [from, cpuFrom, endedBefore] = [performance.now(), process.cpuUsage(), ended];
  await Promise.race([sleep(task.measureMs), callers]);
  const [ms, cpu, count] = [performance.now() - from, process.cpuUsage(cpuFrom), ended - endedBefore];
  isOver = true;
  await callers;
  return { perSecond: count / (ms / 1_000), cpuUs: (cpu.user + cpu.system) / count };
}
