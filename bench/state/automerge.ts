import * as A from "@automerge/automerge";

import { elementOf, valueOf, type Operations, type Replica } from "./contender.ts";

interface State {
  hits: A.Counter;
  tasks: Record<string, boolean>;
  config: object;
}

/** A counter is its counter; a set is a map of its elements; a register is a field. */
export function openAutomerge(operations: Operations, prefix?: string): Replica {
  let doc = A.load<State>(BEGINNING);
  let bytes = 0;
  const act: Record<Operations, (state: State, number: number) => void> = {
    counter: (state) => void state.hits.increment(1),
    set: (state, number) => void (state.tasks[elementOf(number, prefix)] = true),
    register: (state, number) => void (state.config = valueOf(number)),
  };
  const operate = act[operations];
  return {
    operate(number) {
      doc = A.change(doc, (state) => operate(state, number));
      bytes += A.getLastLocalChange(doc)?.length ?? 0;
    },
    updateBytes: () => bytes,
    encode: () => A.save(doc),
    merge: (state) => void (doc = A.merge(doc, A.load<State>(state))),
    count: () => (operations === "set" ? Object.keys(doc.tasks).length : doc.hits.value),
  };
}

/** Replicas that are to be merged need the same objects to begin with. */
const BEGINNING = A.save(A.from<Record<string, unknown>>({ hits: new A.Counter(0), tasks: {}, config: {} }));
