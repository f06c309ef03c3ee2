import type { StateOf, TransitionTable } from "../transition-table.ts";

/**
 * The life of a runner. `draining` finishes what it has and gets nothing new; `retired` never comes back. A runner
 * that goes offline while draining comes back draining.
 */
export const RUNNER_TRANSITIONS = {
  pending: { admit: "online", retire: "retired" },
  online: { silence: "offline", drain: "draining", retire: "retired" },
  draining: { silence: "offline_draining", resume: "online", retire: "retired" },
  offline: { beat: "online", drain: "offline_draining", retire: "retired" },
  offline_draining: { beat: "draining", resume: "offline", retire: "retired" },
  retired: {},
} as const satisfies TransitionTable;
export type RunnerState = StateOf<typeof RUNNER_TRANSITIONS>;
