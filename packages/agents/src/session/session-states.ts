import type { TransitionTable } from "@signalbox/protocol";

/** The life of an agent session. A turn begins and ends; whatever the state, the process may exit. */
export const AGENT_SESSION_TRANSITIONS = {
  starting: { ready: "idle", close: "closing", exit: "ended" },
  idle: { begin: "working", close: "closing", exit: "ended" },
  working: { end: "idle", interrupt: "interrupting", close: "closing", exit: "ended" },
  interrupting: { end: "idle", close: "closing", exit: "ended" },
  closing: { exit: "ended" },
  ended: {},
} as const satisfies TransitionTable;
