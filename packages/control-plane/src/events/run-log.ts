import { isFinal, RUN_TRANSITIONS, type RunState } from "@signalbox/protocol";
import type { ReadyStep, RunOutcome, SessionOutcome, SignalboxStore, SignalboxUnits } from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import type { OutcomeOf, UnitWith } from "./units-with.ts";

/** What is told after a unit that touched a run has been committed. */
export interface RunLogEvents {
  /** Events were appended to the run's stream. */
  changed: (run: { runId: string; orgId: string; state: RunState; lastSeq: number; isOver: boolean }) => void;
  /** Steps wait for a runner. */
  ready: (steps: readonly ReadyStep[]) => void;
  /** Sessions went along with their steps. */
  sessions: (sessions: readonly SessionOutcome[]) => void;
  /** Timers were set; the earliest is due at this time. */
  timers: (dueAt: number) => void;
}

/** The one door through which runs are changed: commits a unit, then tells what follows from it. */
export class RunLog extends EventEmitter<RunLogEvents> {
  readonly #store: SignalboxStore;

  constructor(deps: { readonly store: SignalboxStore }) {
    super();
    this.#store = deps.store;
  }

  /** Commits a unit and tells everybody. */
  async commit<Name extends UnitWith<RunOutcome>>(
    name: Name,
    args: Parameters<SignalboxUnits[Name]>[0],
  ): Promise<OutcomeOf<Name, RunOutcome>> {
    // The store's result type is the unit's own; TypeScript does not carry that through the generic name.
    const outcome = (await this.#store.run(name, args as never)) as OutcomeOf<Name, RunOutcome>;
    // A repeated answer speaks of what was; the steps in it may long be over.
    if (!outcome.isRepeated) this.tell(outcome);
    return outcome;
  }

  /** Tells what follows from an outcome. */
  tell(outcome: RunOutcome): void {
    const { runId, orgId, state, lastSeq, ready, timers, sessions } = outcome;
    this.emit("changed", { runId, orgId, state, lastSeq, isOver: isFinal(RUN_TRANSITIONS, state) });
    if (ready.length > 0) this.emit("ready", ready);
    if (sessions.length > 0) this.emit("sessions", sessions);
    if (timers.length > 0) this.emit("timers", Math.min(...timers.map((timer) => timer.due_at)));
  }
}
