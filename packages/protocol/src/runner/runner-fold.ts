import { nextState, type MoveOf } from "../transition-table.ts";
import type { RunnerEventType } from "./runner-events.ts";
import { RUNNER_TRANSITIONS, type RunnerState } from "./runner-states.ts";

/** What a runner's events come to. */
export interface FoldedRunner {
  readonly state: RunnerState | undefined;
  /** Every move that the table does not have. */
  readonly illegal: readonly { readonly seq: number; readonly message: string }[];
}

/** Replays the events of one runner, first to last, into the state that its row must have. */
export function foldRunner(events: Iterable<{ readonly seq: number; readonly type: RunnerEventType }>): FoldedRunner {
  const illegal: { seq: number; message: string }[] = [];
  let state: RunnerState | undefined;
  for (const { seq, type } of events) {
    const to = stateAfter(state, type);
    if (to === undefined)
      illegal.push({ seq, message: `the runner is ${state ?? "not registered"}; that leaves no way to ${type}` });
    state = to ?? state;
  }
  return { state, illegal };
}

function stateAfter(state: RunnerState | undefined, type: RunnerEventType): RunnerState | undefined {
  if (type === "runner.registered") return state === undefined ? "pending" : undefined;
  if (state === undefined) return undefined;
  // Online it is when it is admitted, and when it is heard of again.
  if (type === "runner.online") return nextState(RUNNER_TRANSITIONS, state, state === "pending" ? "admit" : "beat");
  return nextState(RUNNER_TRANSITIONS, state, MOVES[type]);
}

const MOVES = {
  "runner.offline": "silence",
  "runner.draining": "drain",
  "runner.resumed": "resume",
  "runner.deregistered": "retire",
} as const satisfies Partial<Record<RunnerEventType, MoveOf<typeof RUNNER_TRANSITIONS>>>;
