import { LoroDoc } from "loro-crdt";

import { COUNTER, elementOf, REGISTER, SET, valueOf, type Operations, type Replica } from "./contender.ts";

/** A counter is its counter; a set is a map of its elements; registers are a map. */
export function openLoro(operations: Operations, prefix?: string): Replica {
  const doc = new LoroDoc();
  const counter = doc.getCounter(COUNTER);
  const elements = doc.getMap(SET);
  const registers = doc.getMap("registers");
  let bytes = 0;
  doc.subscribeLocalUpdates((update) => void (bytes += update.length));
  const act: Record<Operations, (number: number) => unknown> = {
    counter: () => counter.increment(1),
    set: (number) => elements.set(elementOf(number, prefix), true),
    register: (number) => registers.set(REGISTER, valueOf(number)),
  };
  const operate = act[operations];
  return {
    operate(number) {
      operate(number);
      doc.commit();
    },
    updateBytes: () => bytes,
    encode: () => doc.export({ mode: "snapshot" }),
    merge: (state) => void doc.import(state),
    count: () => (operations === "set" ? elements.size : counter.value),
  };
}
