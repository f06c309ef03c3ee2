import type { Clock, Timer } from "../clock.ts";

/** What presences are made with. */
export interface NatsPresenceOptions {
  readonly clock: Clock;
  /** Between two looks, in milliseconds. */
  readonly everyMs: number;
  /** Sends a question without a body; its answer, or the server's word that nobody is there, goes below the inbox. */
  readonly probe: (subject: string, reply: string) => void;
}

interface Watched {
  readonly subject: string;
  readonly inbox: string;
  readonly sinceMs: number;
}

/**
 * Notices when nobody is left who could answer what was asked: a nats-server says at once that nobody is there, but not that
 * somebody who was there is gone. So who was asked is looked for now and then, once for all questions that went the same way.
 */
export class NatsPresence {
  readonly #options: NatsPresenceOptions;
  readonly #questions = new Map<number, Watched>();
  /** The last question that went before each look, by the look's token. */
  readonly #looks = new Map<string, { readonly subject: string; readonly lastId: number }>();
  #lastId = 0;
  #lastLook = 0;
  #timer: Timer | undefined;

  constructor(options: NatsPresenceOptions) {
    this.#options = options;
  }

  /** A question has gone to a subject. */
  watch(id: number, subject: string, inbox: string): void {
    this.#lastId = id;
    this.#questions.set(id, { subject, inbox, sinceMs: this.#options.clock.monotonic() });
    this.#timer ??= this.#setTimer();
  }

  /** A question has ended. */
  forget(id: number): void {
    this.#questions.delete(id);
  }

  /** Nobody was there at a look: the questions that nobody answers any more. */
  gone(token: string): number[] {
    const look = this.#looks.get(token);
    this.#looks.delete(token);
    return look ? this.on(look.subject).filter((id) => id <= look.lastId) : [];
  }

  /** Somebody was there. */
  present(token: string): void {
    this.#looks.delete(token);
  }

  /** The questions that have gone to a subject. */
  on(subject: string): number[] {
    return [...this.#questions].filter(([, watched]) => watched.subject === subject).map(([id]) => id);
  }

  /** Nothing is waited for any more. */
  clear(): void {
    this.#questions.clear();
    this.#looks.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #setTimer(): Timer {
    return this.#options.clock.setTimer(this.#options.everyMs, () => this.#look());
  }

  #look(): void {
    const { clock, everyMs, probe } = this.#options;
    this.#timer = this.#questions.size > 0 ? this.#setTimer() : undefined;
    this.#looks.clear();
    const subjects = new Map<string, string>();
    for (const { subject, inbox, sinceMs } of this.#questions.values()) {
      // Most questions are answered long before; those that are young are not worth a look.
      if (clock.monotonic() - sinceMs >= everyMs / 2) subjects.set(subject, inbox);
    }
    for (const [subject, inbox] of subjects) {
      const token = `p${++this.#lastLook}`;
      this.#looks.set(token, { subject, lastId: this.#lastId });
      probe(subject, `${inbox}.${token}`);
    }
  }
}
