import type { RunOutcome, SignalboxStore } from "@signalbox/store";

import type { Clock, Timer } from "../clock.ts";
import type { RunLog } from "../events/run-log.ts";
import type { Logger } from "../logger.ts";
import type { SessionLog } from "../session/session-log.ts";

const AT_ONCE = 100;
const RETRY_MS = 1_000;

/** Fires the timers that are rows in the store. What one does, and that it has fired, is one commit. */
export class TimerService {
  readonly #store: SignalboxStore;
  readonly #runLog: RunLog;
  readonly #sessionLog: SessionLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onFired: (outcome: RunOutcome & { readonly live?: readonly string[] }) => void;
  #next: { readonly dueAt: number; readonly timer: Timer } | undefined;
  #isStopped = false;

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly runLog: RunLog;
    readonly sessionLog: SessionLog;
    readonly clock: Clock;
    readonly logger: Logger;
    /** Told after a timer changed a run; `live` are attempts that must be stopped because of it. */
    readonly onFired: (outcome: RunOutcome & { readonly live?: readonly string[] }) => void;
  }) {
    this.#store = deps.store;
    this.#runLog = deps.runLog;
    this.#sessionLog = deps.sessionLog;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#onFired = deps.onFired;
    this.#runLog.on("timers", (dueAt) => this.schedule(dueAt));
    this.#sessionLog.on("timers", (dueAt) => this.schedule(dueAt));
  }

  /** Sees to it that the timers due at a time are fired. */
  schedule(dueAt: number): void {
    if (this.#isStopped || (this.#next && this.#next.dueAt <= dueAt)) return;
    this.#next?.timer.cancel();
    const timer = this.#clock.setTimer(Math.max(0, dueAt - this.#clock.now()), () => void this.#wake());
    this.#next = { dueAt, timer };
  }

  /** Fires nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#next?.timer.cancel();
  }

  async #wake(): Promise<void> {
    this.#next = undefined;
    try {
      await this.#fireDue();
      await this.#scheduleEarliest();
    } catch (error) {
      this.#logger.warn({ err: error }, "timers could not be fired; trying again");
      this.schedule(this.#clock.now() + RETRY_MS);
    }
  }

  async #fireDue(): Promise<void> {
    const due = await this.#store.all<{ id: string }>(
      "SELECT id FROM timers WHERE due_at <= ? ORDER BY due_at LIMIT ?",
      this.#clock.now(),
      AT_ONCE,
    );
    for (const { id } of due) {
      const outcome = await this.#store.run("fireTimer", { id, now: this.#clock.now() });
      if (outcome?.run) {
        this.#runLog.tell(outcome.run);
        this.#onFired(outcome.run);
      }
      if (outcome?.session) this.#sessionLog.tell(outcome.session);
    }
  }

  async #scheduleEarliest(): Promise<void> {
    const earliest = await this.#store.get<{ due_at: number }>("SELECT due_at FROM timers ORDER BY due_at LIMIT 1");
    if (earliest) this.schedule(earliest.due_at);
  }
}
