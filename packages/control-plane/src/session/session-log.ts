import { isFinal, SESSION_TRANSITIONS, type SessionState } from "@signalbox/protocol";
import type { NumberedCommand, RunOutcome, SessionOutcome, SignalboxStore, SignalboxUnits } from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import type { OutcomeOf, UnitWith } from "../events/units-with.ts";
import type { SessionHappening } from "./session-announcements.ts";

/** What is told after a unit that touched a session has been committed. */
export interface SessionLogEvents {
  /** Events were appended to the session's stream. */
  changed: (session: {
    sessionId: string;
    orgId: string;
    state: SessionState;
    lastSeq: number;
    isOver: boolean;
  }) => void;
  /** What was appended, for those who listen in this process. */
  happened: (happening: SessionHappening) => void;
  /** The agent must be told something; whoever holds it passes it on. */
  commands: (
    holder: Exclude<SessionOutcome["holder"], null>,
    commands: readonly NumberedCommand[],
    taken: number,
  ) => void;
  /** Something became of its run as well. */
  run: (outcome: RunOutcome) => void;
  /** Timers were set; the earliest is due at this time. */
  timers: (dueAt: number) => void;
}

/** The one door through which sessions are changed: commits a unit, then tells what follows from it. */
export class SessionLog extends EventEmitter<SessionLogEvents> {
  readonly #store: SignalboxStore;

  constructor(deps: { readonly store: SignalboxStore }) {
    super();
    this.#store = deps.store;
  }

  /** Commits a unit and tells everybody. */
  async commit<Name extends UnitWith<SessionOutcome>>(
    name: Name,
    args: Parameters<SignalboxUnits[Name]>[0],
  ): Promise<OutcomeOf<Name, SessionOutcome>> {
    // The store's result type is the unit's own; TypeScript does not carry that through the generic name.
    const outcome = (await this.#store.run(name, args as never)) as OutcomeOf<Name, SessionOutcome>;
    // A repeated answer speaks of what was.
    if (!outcome.isRepeated) this.tell(outcome);
    return outcome;
  }

  /** Tells what follows from an outcome. */
  tell({ sessionId, orgId, state, lastSeq, holder, events, commands, taken, timers, run }: SessionOutcome): void {
    this.emit("changed", { sessionId, orgId, state, lastSeq, isOver: isFinal(SESSION_TRANSITIONS, state) });
    if (events.length > 0) this.emit("happened", { sessionId, orgId, events, lastSeq });
    if (holder && commands.length > 0) this.emit("commands", holder, commands, taken);
    if (timers.length > 0) this.emit("timers", Math.min(...timers.map((timer) => timer.due_at)));
    if (run) this.emit("run", run);
  }
}
