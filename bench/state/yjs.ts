import * as Y from "yjs";

import { COUNTER, elementOf, REGISTER, SET, valueOf, type Operations, type Replica } from "./contender.ts";

/** A counter is a map of what each client has counted; a set is a map of its elements; registers are a map. */
export function openYjs(operations: Operations, prefix?: string): Replica {
  const doc = new Y.Doc();
  const counts = doc.getMap<number>(COUNTER);
  const client = String(doc.clientID);
  const elements = doc.getMap<boolean>(SET);
  const registers = doc.getMap<object>("registers");
  const act: Record<Operations, (number: number) => unknown> = {
    counter: () => counts.set(client, (counts.get(client) ?? 0) + 1),
    set: (number) => elements.set(elementOf(number, prefix), true),
    register: (number) => registers.set(REGISTER, valueOf(number)),
  };
  const count = () => (operations === "set" ? elements.size : sumOf(counts.values()));
  return withUpdates(doc, act[operations], count);
}

/** A counter is a list of ones, as the examples in its documentation count. */
export function openYjsArray(): Replica {
  const doc = new Y.Doc();
  const ones = doc.getArray<number>(COUNTER);
  return withUpdates(
    doc,
    () => ones.push([1]),
    () => ones.length,
  );
}

function withUpdates(doc: Y.Doc, operate: (number: number) => unknown, count: () => number): Replica {
  let bytes = 0;
  doc.on("update", (update: Uint8Array) => void (bytes += update.length));
  return {
    operate,
    updateBytes: () => bytes,
    encode: () => Y.encodeStateAsUpdate(doc),
    merge: (state) => Y.applyUpdate(doc, state),
    count,
  };
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}
