import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { readTask, report } from "../harness/processes.ts";
import type { Contender, ContenderName, Measured, Task } from "./contender.ts";

// One contender in a process of its own.

const BATCH = 5_000;
const IDLE_BREAKERS = 5_000;
const BREAKERS = 10_000;

const contenders: Record<ContenderName, () => Promise<Contender<unknown>>> = {
  signalbox: async () => (await import("./signalbox.ts")).signalbox,
  "signalbox-rate": async () => (await import("./signalbox.ts")).signalboxRate,
  cockatiel: async () => (await import("./cockatiel.ts")).cockatiel,
  "cockatiel-sampling": async () => (await import("./cockatiel.ts")).cockatielSampling,
  opossum: async () => (await import("./opossum.ts")).opossum,
  least: async () => (await import("./least.ts")).least,
  bare: async () => (await import("./least.ts")).bare,
};

const task = readTask<Task>();
const contender = await contenders[task.name]();
const measurements: Record<Task["work"], () => Promise<Measured>> = {
  closed: async () => await timeOf(succeed),
  open: async () => await timeOf(beRefused),
  bytes: bytesOfEach,
  idle: idleCpu,
};
report(await measurements[task.work]());

/** Nanoseconds for a call, one after the other. */
async function timeOf(run: (breaker: unknown) => Promise<void>): Promise<Measured> {
  const breaker = contender.make();
  if (run === beRefused) await trip(breaker);
  await repeat(() => run(breaker), task.warmMs);
  return { figure: await repeat(() => run(breaker), task.measureMs) };
}

async function repeat(run: () => Promise<void>, forMs: number): Promise<number> {
  const from = performance.now();
  let batches = 0;
  do {
    await run();
    batches++;
  } while (performance.now() - from < forMs);
  return ((performance.now() - from) * 1e6) / (batches * BATCH);
}

async function succeed(breaker: unknown): Promise<void> {
  for (let n = 0; n < BATCH; n++) await contender.call(breaker);
}

async function beRefused(breaker: unknown): Promise<void> {
  let refused = 0;
  for (let n = 0; n < BATCH; n++) {
    try {
      await contender.call(breaker);
    } catch {
      refused++;
    }
  }
  // A figure for calls that are let through would be worth nothing.
  if (refused !== BATCH) throw new Error(`${refused} calls were refused, not ${BATCH}`);
}

async function trip(breaker: unknown): Promise<void> {
  for (let n = 0; n < 20; n++) await contender.fail(breaker).catch(() => undefined);
  if (!contender.isOpen(breaker)) throw new Error(`${task.name} did not open`);
}

/** What the heap holds for each breaker. */
async function bytesOfEach(): Promise<Measured> {
  for (let n = 0; n < 100; n++) await use(contender.make());
  const breakers: unknown[] = Array.from({ length: BREAKERS });
  const before = heapBytes();
  for (let n = 0; n < BREAKERS; n++) breakers[n] = contender.make();
  const fresh = heapBytes();
  for (const breaker of breakers) await use(breaker);
  const used = heapBytes();
  if (breakers.some((breaker) => contender.isOpen(breaker))) throw new Error(`${task.name} opened too early`);
  return { figure: (fresh - before) / BREAKERS, used: (used - before) / BREAKERS };
}

async function use(breaker: unknown): Promise<void> {
  await contender.call(breaker);
  for (let n = 0; n < 4; n++) await contender.fail(breaker).catch(() => undefined);
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let n = 0; n < 4; n++) collect();
  return process.memoryUsage().heapUsed;
}

/** Per cent of a core that breakers use which nobody calls. */
async function idleCpu(): Promise<Measured> {
  const breakers = Array.from({ length: IDLE_BREAKERS }, () => contender.make());
  for (const breaker of breakers) await contender.call(breaker);
  await sleep(task.warmMs);
  const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
  await sleep(task.measureMs);
  const [ms, cpu] = [performance.now() - from, process.cpuUsage(cpuFrom)];
  if (breakers.length !== IDLE_BREAKERS) throw new Error("the breakers are gone");
  return { figure: (cpu.user + cpu.system) / 10 / ms };
}
