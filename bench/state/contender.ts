/** What a contender is told. */
export interface Task {
  readonly name: ContenderName;
  readonly work: Work;
  readonly operations: number;
  /** Made before on a replica of its own, so that the code is warm. */
  readonly warmOperations: number;
  /** It is done again and again for so long, at least three times. */
  readonly measureMs: number;
}

/** Operations one by one, or the merge of two replicas that have made so many each. */
export type Work = Operations | "merge";
export type Operations = "counter" | "set" | "register";

/** What came out. */
export interface Measured {
  /** Operations in a second; of `merge`, milliseconds. */
  readonly figure: number;
  /** Bytes of the updates, for each operation. */
  readonly updateBytes: number;
  /** Bytes of the whole state in the end, for each operation. */
  readonly stateBytes: number;
}

/** A replica, with the listener that a program has which sends each update on. */
export interface Replica {
  /** Does the operation of this number: all that follows from it is done when it returns, the update with it. */
  operate(number: number): void;
  /** Bytes of all updates so far. */
  updateBytes(): number;
  encode(): Uint8Array;
  /** Takes over all that another replica has. */
  merge(state: Uint8Array): void;
  /** For a look whether everything is there: the size of the set, the value of the counter. */
  count(): number;
}

/** A library of replicated data, used as its documentation says. */
export type OpenReplica = (operations: Operations, prefix?: string) => Replica;

export type ContenderName = "signalbox" | "signalbox-turn" | "yjs" | "yjs-array" | "loro" | "automerge" | "least";

/** The names that all use: a counter, a set of tasks, a register. */
export const COUNTER = "hits";
export const SET = "tasks";
export const REGISTER = "config";

export function elementOf(number: number, prefix = ""): string {
  return `${prefix}task_${number}`;
}

export function valueOf(number: number): { apiUrl: string; timeout: number } {
  return { apiUrl: "https://api.example.com", timeout: number };
}
