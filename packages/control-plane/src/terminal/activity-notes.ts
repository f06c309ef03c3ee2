import { limit } from "@signalbox/protocol";
import type { SignalboxStore } from "@signalbox/store";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { SessionLog } from "../session/session-log.ts";

/** What is known of the typing in one session. */
interface Typing {
  /** When the next note may be made; undefined while one is being made. */
  nextAt: number | undefined;
  /** Whether somebody has typed since the last note. */
  hasMore: boolean;
  timer: Timer | undefined;
  /** Whether a note would change nothing: there is no such session, or it has ended. */
  isOver: boolean;
}

/** Of how long a session may be inactive: so often it is noted that somebody types in it. */
const SHARE = 4;

/**
 * Notes that somebody types in sessions, so that these are not closed as inactive. Keys are many and a note is a commit, so one
 * is made at the first key and then now and then; the last key is noted in any case.
 */
export class ActivityNotes {
  readonly #store: SignalboxStore;
  readonly #sessionLog: SessionLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #typing = new Map<string, Typing>();

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly sessionLog: SessionLog;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#store = deps.store;
    this.#sessionLog = deps.sessionLog;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    deps.sessionLog.on("changed", ({ sessionId, isOver }) => isOver && this.forget(sessionId));
  }

  /** Somebody has typed. */
  typed(sessionId: string): void {
    const typing = this.#typing.get(sessionId) ?? { nextAt: 0, hasMore: false, timer: undefined, isOver: false };
    this.#typing.set(sessionId, typing);
    typing.hasMore = true;
    this.#plan(sessionId, typing);
  }

  /** Nobody types there any more. */
  forget(sessionId: string): void {
    this.#typing.get(sessionId)?.timer?.cancel();
    this.#typing.delete(sessionId);
  }

  #plan(sessionId: string, typing: Typing): void {
    if (typing.isOver || !typing.hasMore || typing.timer || typing.nextAt === undefined) return;
    const waitMs = typing.nextAt - this.#clock.now();
    if (waitMs <= 0) return void this.#note(sessionId, typing);
    typing.timer = this.#clock.setTimer(waitMs, () => void this.#note(sessionId, typing));
  }

  async #note(sessionId: string, typing: Typing): Promise<void> {
    const now = this.#clock.now();
    Object.assign(typing, { nextAt: undefined, hasMore: false, timer: undefined });
    let waitMs = limit("session.activityMs");
    try {
      const noted = await this.#store.run("noteActivity", { sessionId, now });
      if (noted) waitMs = Math.min(waitMs, noted.inactivityMs / SHARE);
      typing.isOver = !noted;
      if (noted?.session) this.#sessionLog.tell(noted.session);
    } catch (error) {
      this.#logger.warn({ err: error, session: sessionId }, "it is not noted that somebody types");
    }
    typing.nextAt = now + waitMs;
    if (this.#typing.get(sessionId) === typing) this.#plan(sessionId, typing);
  }
}
