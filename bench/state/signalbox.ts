import { DistributedStateManager } from "@signalbox/state-manager";

import { COUNTER, elementOf, REGISTER, SET, valueOf, type Operations, type Replica } from "./contender.ts";

/** The state manager as users have it, without a bus; each operation is flushed, so that it makes a delta of its own. */
export function openSignalbox(operations: Operations, prefix?: string): Replica {
  return open(operations, prefix, true);
}

/** The same with one delta for each thousand operations, as for each turn of the event loop. */
export function openSignalboxTurn(operations: Operations, prefix?: string): Replica {
  return open(operations, prefix, false);
}

const OPERATIONS_OF_A_TURN = 1_000;

function open(operations: Operations, prefix: string | undefined, isEach: boolean): Replica {
  const state = new DistributedStateManager("bench", { bus: false });
  let bytes = 0;
  state.on("delta", (delta) => void (bytes += delta.bytes.length));
  const act: Record<Operations, (number: number) => unknown> = {
    counter: () => state.incrementCounter(COUNTER),
    set: (number) => state.addToSet(SET, elementOf(number, prefix)),
    register: (number) => state.setRegister(REGISTER, valueOf(number)),
  };
  const operate = act[operations];
  return {
    operate(number) {
      operate(number);
      if (isEach || number % OPERATIONS_OF_A_TURN === 0) state.flush();
    },
    updateBytes: () => bytes,
    encode: () => state.snapshot(),
    merge: (snapshot) => state.merge(snapshot),
    count: () => (operations === "set" ? state.getSet(SET).length : state.getCounter(COUNTER)),
  };
}
