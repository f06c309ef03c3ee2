import type { StateOf, TransitionTable } from "@signalbox/protocol";

/**
 * The life of an attempt on its runner. `finished` waits in the spool until the control plane has acknowledged the
 * result; `interrupted` was found there after a restart, its work gone. Whatever the state, being fenced ends it.
 */
export const ATTEMPT_LIFE = {
  preparing: { spawn: "running", stop: "stopping", finish: "finished", fence: "over" },
  running: { spawn: "running", stop: "stopping", finish: "finished", fence: "over" },
  stopping: { stop: "stopping", finish: "finished", fence: "over" },
  interrupted: { finish: "finished", fence: "over" },
  finished: { acknowledge: "over", fence: "over" },
  over: {},
} as const satisfies TransitionTable;
export type AttemptLifeState = StateOf<typeof ATTEMPT_LIFE>;
