import { once } from "node:events";

import { WebSocket } from "ws";

import { readTask, report } from "../harness/processes.ts";
import { percentile } from "../harness/statistics.ts";
import { openPushRunner } from "./push-runner.ts";
import { cpuMs, residentKb } from "../harness/process-cost.ts";
import { doorOf } from "./server-door.ts";
import { connectWatcher, type WatcherKind } from "./watcher-kinds.ts";

// Pushes chunks of 1 KB, so many under way at a time, and counts them at so many watchers. One chunk is under way until
// the last watcher has it.

export interface FanOutTask {
  readonly kind: WatcherKind;
  readonly port: number;
  readonly serverPid: number;
  readonly token: string;
  readonly watchers: number;
  readonly window: number;
  readonly warm: number;
  readonly chunks: number;
}

export interface FanOut {
  /** Chunks delivered, each counted once for each watcher. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server process, for each delivery. */
  readonly cpuMicros: number;
  readonly kbPerWatcher: number;
}

const CHUNK_BYTES = 1_024;
/** Watchers that look at each chunk; the others only count. */
const LOOKERS = 20;

const task = readTask<FanOutTask>();
const total = task.warm + task.chunks;
const source = await openSource();
const beforeKb = residentKb(task.serverPid);
const pushedAt = new Float64Array(total);
const missing = new Int32Array(total).fill(task.watchers);
const latencies: number[] = [];
let [pushed, done, startedAt, startedCpu] = [0, 0, 0, 0];
const over = Promise.withResolvers<void>();

const target = { kind: task.kind, port: task.port, token: task.token, runId: source.runId };
for (let number = 0; number < task.watchers; number++) {
  await connectWatcher(target, watcher(number % Math.ceil(task.watchers / LOOKERS) === 0));
}
const kbPerWatcher = (residentKb(task.serverPid) - beforeKb) / task.watchers;
pump();
await over.promise;
const seconds = (performance.now() - startedAt) / 1_000;
const deliveries = task.chunks * task.watchers;
const result: FanOut = {
  perSecond: deliveries / seconds,
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
  cpuMicros: ((cpuMs(task.serverPid) - startedCpu) * 1_000) / deliveries,
  kbPerWatcher,
};
report(result);

function pump(): void {
  while (pushed < total && pushed - done < task.window) {
    const chunk = `#${String(pushed).padStart(9, "0")}${"x".repeat(CHUNK_BYTES - 12)}\r\n`;
    pushedAt[pushed++] = performance.now();
    source.push(Buffer.from(chunk));
  }
}

/** Counts whole chunks by size: what stands around them is less than one. */
function watcher(looks: boolean): (data: Buffer) => void {
  let seen = 0;
  return (data) => {
    const count = looks ? look(data) : Math.floor(data.length / CHUNK_BYTES);
    for (let index = 0; index < count; index++) delivered(seen++);
  };
}

function look(data: Buffer): number {
  const now = performance.now();
  let count = 0;
  for (const [, number] of data.toString("latin1").matchAll(/#(\d{9})/g)) {
    const chunk = Number(number);
    if (chunk >= task.warm) latencies.push(now - (pushedAt[chunk] ?? 0));
    count++;
  }
  return count;
}

function delivered(chunk: number): void {
  const left = (missing[chunk] = (missing[chunk] ?? 0) - 1);
  if (left > 0) return;
  done++;
  if (done === task.warm) {
    startedAt = performance.now();
    startedCpu = cpuMs(task.serverPid);
  }
  if (done === total) over.resolve();
  else pump();
}

async function openSource(): Promise<{ readonly runId: string; push(bytes: Buffer): void }> {
  if (task.kind === "signalbox") return openPushRunner(doorOf(task.port, task.token));
  const ws = new WebSocket(`ws://127.0.0.1:${task.port}/push`, { perMessageDeflate: false });
  await once(ws, "open");
  return { runId: "", push: (bytes) => ws.send(bytes) };
}
