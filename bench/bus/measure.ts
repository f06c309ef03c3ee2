import { readTask, report } from "../harness/processes.ts";
import { newTopic, TOPIC, type Contender, type ContenderName, type Measured, type Task } from "./contender.ts";

// One contender in a process of its own: sends or calls for a while and counts.

const BATCH = 1_000;

const open: Record<ContenderName, (task: Task) => Promise<Contender>> = {
  signalbox: async (task) => (await import("./signalbox.ts")).openSignalbox(task),
  "signalbox-awaited": async (task) => (await import("./signalbox.ts")).openSignalbox(task),
  eventemitter2: async (task) => (await import("./emitters.ts")).openEventemitter2(task),
  eventemitter3: async (task) => (await import("./emitters.ts")).openEventemitter3(task),
  moleculer: async (task) => (await import("./moleculer.ts")).openMoleculer(task),
  birpc: async () => (await import("./birpc.ts")).openBirpc(),
  nats: async (task) => (await import("./nats.ts")).openNats(task),
};

const task = readTask<Task>();
const contender = await open[task.name](task);
const batch = task.work === "call" ? callBatch(contender) : publishBatch(contender);
await repeat(batch, task.warmMs);
const measured = await repeat(batch, task.measureMs);
await contender[Symbol.asyncDispose]();
report(measured);

async function repeat(run: () => Promise<void> | void, forMs: number): Promise<Measured> {
  const from = performance.now();
  let batches = 0;
  do {
    await run();
    batches++;
  } while (performance.now() - from < forMs);
  return { perSecond: (batches * BATCH) / ((performance.now() - from) / 1_000) };
}

function publishBatch({ publish, settle, delivered }: Contender): () => Promise<void> | void {
  if (!publish || !delivered) throw new Error(`${task.name} does not publish`);
  const isNew = task.work === "publish-new-topics";
  const isAwaited = task.name === "signalbox-awaited";
  let sent = 0;
  return async () => {
    const before = delivered();
    for (let n = 0; n < BATCH; n++) {
      const published = publish(isNew ? newTopic(sent++) : TOPIC);
      if (isAwaited) await published;
    }
    await settle?.();
    const wanted = BATCH * (isNew ? 1 : 2);
    // A figure for messages that do not arrive would be worth nothing.
    if (delivered() - before !== wanted) throw new Error(`${delivered() - before} were delivered, not ${wanted}`);
  };
}

function callBatch({ call }: Contender): () => Promise<void> {
  if (!call) throw new Error(`${task.name} does not call`);
  if (task.inFlight === 1) {
    return async () => {
      for (let n = 0; n < BATCH; n++) await call();
    };
  }
  return async () => {
    let begun = 0;
    const caller = async () => {
      while (begun++ < BATCH) await call();
    };
    await Promise.all(Array.from({ length: task.inFlight }, caller));
  };
}
