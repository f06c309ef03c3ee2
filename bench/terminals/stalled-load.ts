import { setTimeout as sleep } from "node:timers/promises";

import { readTask, report } from "../harness/processes.ts";
import { residentKb } from "../harness/process-cost.ts";
import { openPushRunner } from "./push-runner.ts";
import { doorOf } from "./server-door.ts";
import { connectWatcher } from "./watcher-kinds.ts";

// Output at a set rate into one terminal, with readers that subscribe and then never read, and one that does.

export interface StalledTask {
  readonly port: number;
  readonly serverPid: number;
  readonly token: string;
  readonly stalled: number;
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

export interface Stalled {
  /** The most that the server held at any time. */
  readonly peakMb: number;
  readonly mbPerSecond: number;
  /** Of what was pushed, how much the reader that reads was shown by the end. */
  readonly shownShare: number;
}

const FRAME_BYTES = 131_072;
const WINDOW_BYTES = 4 * 1_048_576;
const WARM_BYTES = 12 * 1_048_576;
const TICK_MS = 10;

const task = readTask<StalledTask>();
const source = await openPushRunner(doorOf(task.port, task.token));
const target = { kind: "signalbox", port: task.port, token: task.token, runId: source.runId } as const;
let shown = 0;
await connectWatcher(target, (data) => (shown += lengthIn(data)));
for (let number = 0; number < task.stalled; number++) {
  const ws = await connectWatcher(target, () => undefined);
  ws.pause();
}
const line = Buffer.from(`${"The quick brown fox jumps over the lazy dog. ".repeat(3)}\r\n`);
const frame = Buffer.alloc(FRAME_BYTES, line);
let [pushed, peakKb] = [0, 0];
// What the system takes for the stalled ones is no more than this; until it is full, they are readers like any other.
for (; pushed < WARM_BYTES; await tick()) pushUpTo(WARM_BYTES);
const startedAt = performance.now();
for (let seconds = 0; seconds < task.seconds; seconds = (performance.now() - startedAt) / 1_000) {
  pushUpTo(WARM_BYTES + seconds * task.bytesPerSecond);
  await tick();
}
const tookSeconds = (performance.now() - startedAt) / 1_000;
for (let waits = 0; waits < 200 && shown < pushed; waits++) await tick();
const result: Stalled = {
  peakMb: (peakKb * 1_024) / 1e6,
  mbPerSecond: (pushed - WARM_BYTES) / 1e6 / tookSeconds,
  shownShare: shown / pushed,
};
report(result);

function pushUpTo(bytes: number): void {
  while (pushed < bytes && source.unacknowledged() < WINDOW_BYTES) {
    source.push(frame);
    pushed += frame.length;
  }
}

async function tick(): Promise<void> {
  peakKb = Math.max(peakKb, residentKb(task.serverPid));
  await sleep(TICK_MS);
}

function lengthIn(data: Buffer): number {
  return Number(/"length":(\d+)/.exec(data.toString("latin1", Math.max(0, data.length - 64)))?.[1] ?? 0);
}
