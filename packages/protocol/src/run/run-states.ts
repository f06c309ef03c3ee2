import type { StateOf, TransitionTable } from "../transition-table.ts";

/** The life of a run. A wish to cancel is a mark on the run (`cancelRequestedAt`), not a state. */
export const RUN_TRANSITIONS = {
  queued: { start: "running", fail: "failed", cancel: "cancelled" },
  running: { succeed: "succeeded", fail: "failed", cancel: "cancelled" },
  succeeded: {},
  failed: {},
  cancelled: {},
} as const satisfies TransitionTable;
export type RunState = StateOf<typeof RUN_TRANSITIONS>;

/**
 * The life of a step. `pending` waits for other steps, `ready` for a runner, `delayed` for the time of its next
 * attempt; a gate goes from `pending` to `waiting`. Skipping happens before a start (a need failed) or as an outcome
 * (there was nothing to do).
 */
export const STEP_TRANSITIONS = {
  pending: { ready: "ready", ask: "waiting", skip: "skipped", cancel: "cancelled" },
  ready: { start: "running", fail: "failed", cancel: "cancelled", delay: "delayed" },
  running: {
    succeed: "succeeded",
    fail: "failed",
    skip: "skipped",
    cancel: "cancelled",
    retry: "ready",
    delay: "delayed",
  },
  delayed: { ready: "ready", cancel: "cancelled" },
  waiting: { approve: "succeeded", deny: "failed", expire: "failed", cancel: "cancelled" },
  succeeded: {},
  failed: {},
  skipped: {},
  cancelled: {},
} as const satisfies TransitionTable;
export type StepState = StateOf<typeof STEP_TRANSITIONS>;

/**
 * The life of an attempt: leased to a runner, at work, and over. `lost` means that its lease ended without a word;
 * `interrupted` that the runner came back and knows that the work stopped.
 */
export const ATTEMPT_TRANSITIONS = {
  leased: {
    start: "running",
    succeed: "succeeded",
    fail: "failed",
    skip: "skipped",
    cancel: "cancelled",
    interrupt: "interrupted",
    lose: "lost",
  },
  running: {
    succeed: "succeeded",
    fail: "failed",
    skip: "skipped",
    cancel: "cancelled",
    interrupt: "interrupted",
    lose: "lost",
  },
  succeeded: {},
  failed: {},
  skipped: {},
  cancelled: {},
  interrupted: {},
  lost: {},
} as const satisfies TransitionTable;
export type AttemptState = StateOf<typeof ATTEMPT_TRANSITIONS>;

/**
 * The life of a gate. What it asks never changes; another content is another gate. A yes whose giver may not decide any more
 * before all behind it has begun is superseded, and asked for by another gate.
 */
export const GATE_TRANSITIONS = {
  pending: { approve: "approved", deny: "denied", expire: "expired", supersede: "superseded" },
  approved: { supersede: "superseded" },
  denied: {},
  expired: {},
  superseded: {},
} as const satisfies TransitionTable;
export type GateState = StateOf<typeof GATE_TRANSITIONS>;
