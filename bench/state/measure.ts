import { readTask, report } from "../harness/processes.ts";
import { median } from "../harness/statistics.ts";
import type { ContenderName, Measured, OpenReplica, Operations, Replica, Task } from "./contender.ts";

// One contender in a process of its own.

const LEAST_TIMES = 3;

const contenders: Record<ContenderName, () => Promise<OpenReplica>> = {
  signalbox: async () => (await import("./signalbox.ts")).openSignalbox,
  "signalbox-turn": async () => (await import("./signalbox.ts")).openSignalboxTurn,
  yjs: async () => (await import("./yjs.ts")).openYjs,
  "yjs-array": async () => (await import("./yjs.ts")).openYjsArray,
  loro: async () => (await import("./loro.ts")).openLoro,
  automerge: async () => (await import("./automerge.ts")).openAutomerge,
  least: async () => (await import("./least.ts")).openLeast,
};

const task = readTask<Task>();
const open = await contenders[task.name]();
report(task.work === "merge" ? mergeTwo() : oneByOne(task.work));

/** Several times over, each time on a new replica; a moment's disturbance is not to be the figure. */
function oneByOne(operations: Operations): Measured {
  operate(open(operations), task.warmOperations);
  return medianOfMany(() => {
    const replica = open(operations);
    const from = performance.now();
    operate(replica, task.operations);
    const ms = performance.now() - from;
    return {
      figure: task.operations / (ms / 1_000),
      updateBytes: replica.updateBytes() / task.operations,
      stateBytes: replica.encode().length / task.operations,
    };
  });
}

/** Two that know nothing of each other encode what they have and take over what the other has. */
function mergeTwo(): Measured {
  exchange(filled("a", task.warmOperations), filled("b", task.warmOperations));
  return medianOfMany(() => {
    const [a, b] = [filled("a", task.operations), filled("b", task.operations)];
    const from = performance.now();
    const bytes = exchange(a, b);
    const ms = performance.now() - from;
    if (a.count() !== 2 * task.operations || b.count() !== a.count()) throw new Error("the merge lost something");
    return { figure: ms, updateBytes: a.updateBytes() / task.operations, stateBytes: bytes / task.operations };
  });
}

function medianOfMany(once: () => Measured): Measured {
  const all: Measured[] = [];
  const end = performance.now() + task.measureMs;
  do all.push(once());
  while (all.length < LEAST_TIMES || performance.now() < end);
  const figure = median(all.map((measured) => measured.figure));
  return { ...(all[0] as Measured), figure };
}

function exchange(a: Replica, b: Replica): number {
  const [ofA, ofB] = [a.encode(), b.encode()];
  a.merge(ofB);
  b.merge(ofA);
  return ofA.length;
}

function filled(prefix: string, operations: number): Replica {
  const replica = open("set", prefix);
  operate(replica, operations);
  return replica;
}

function operate(replica: Replica, operations: number): void {
  for (let number = 1; number <= operations; number++) replica.operate(number);
}
