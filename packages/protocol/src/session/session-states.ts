import type { StateOf, TransitionTable } from "../transition-table.ts";

/**
 * The life of a session. An approval can be asked for before a runner has begun (seed 001 does so at once); answered, the
 * session counts as running. `lose` puts it back in the queue when its runner is gone and another may go on with it.
 */
export const SESSION_TRANSITIONS = {
  CREATED: { queue: "QUEUED", fail: "FAILED", expire: "TIMED_OUT" },
  QUEUED: { start: "RUNNING", ask: "WAITING_FOR_APPROVAL", complete: "COMPLETED", fail: "FAILED", expire: "TIMED_OUT" },
  RUNNING: {
    ask: "WAITING_FOR_APPROVAL",
    pause: "PAUSED_BY_HUMAN",
    lose: "QUEUED",
    complete: "COMPLETED",
    fail: "FAILED",
    expire: "TIMED_OUT",
  },
  WAITING_FOR_APPROVAL: {
    answer: "RUNNING",
    lose: "QUEUED",
    complete: "COMPLETED",
    fail: "FAILED",
    expire: "TIMED_OUT",
  },
  PAUSED_BY_HUMAN: {
    resume: "RUNNING",
    lose: "QUEUED",
    complete: "COMPLETED",
    fail: "FAILED",
    expire: "TIMED_OUT",
  },
  COMPLETED: {},
  FAILED: {},
  TIMED_OUT: {},
} as const satisfies TransitionTable;
export type SessionState = StateOf<typeof SESSION_TRANSITIONS>;

/**
 * The life of an approval. What it asks never changes; `supersede` is what happens to it when the turn, the attempt or the
 * session that asked is over. An answer counts once.
 */
export const APPROVAL_TRANSITIONS = {
  pending: { allow: "allowed", deny: "denied", expire: "expired", supersede: "superseded" },
  allowed: {},
  denied: {},
  expired: {},
  superseded: {},
} as const satisfies TransitionTable;
export type ApprovalState = StateOf<typeof APPROVAL_TRANSITIONS>;

/**
 * The life of an input: queued behind others, given to the agent, or taken back before that. One that an agent was given and was
 * lost with is queued again.
 */
export const INPUT_TRANSITIONS = {
  queued: { take: "taken", withdraw: "withdrawn" },
  taken: { return: "queued" },
  withdrawn: {},
} as const satisfies TransitionTable;
export type InputState = StateOf<typeof INPUT_TRANSITIONS>;
