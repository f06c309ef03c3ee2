import { limit } from "../limits.ts";

/** What a millisecond is divided into. */
export const STEPS = 2_048;
const MAX_MS = Math.floor(Number.MAX_SAFE_INTEGER / STEPS);

/** The greatest stamp there is. */
export const MAX_STAMP = Number.MAX_SAFE_INTEGER;

/**
 * A hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva and Leone, 2014, "Logical Physical Clocks"): its stamps follow the
 * machine's clock, never repeat or go back in one life, and lie after every stamp that was observed. A stamp is one whole
 * number, milliseconds times 2,048 plus steps, so that stamps compare as numbers; steps that run over go on into the next
 * millisecond. Good until the year 2109; a clock that says later counts as that.
 */
export class HybridClock {
  readonly #now: () => number;
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A stamp greater than all before it. */
  tick(): number {
    const present = this.#present();
    this.#last = present > this.#last ? present : Math.min(this.#last + 1, MAX_STAMP);
    return this.#last;
  }

  /**
   * Takes note of another's stamp, so that what is written from now on is later. One that is further ahead of the
   * machine's clock than `clock.aheadMs` is not followed, or one wrong clock would carry all others along; then the
   * answer is how far it is ahead, in milliseconds, otherwise 0.
   */
  observe(stamp: number): number {
    if (stamp <= this.#last) return 0;
    const ahead = (stamp - this.#present()) / STEPS;
    if (ahead > limit("clock.aheadMs")) return ahead;
    this.#last = stamp;
    return 0;
  }

  #present(): number {
    const ms = this.#now();
    return ms > 0 ? Math.floor(Math.min(ms, MAX_MS)) * STEPS : 0;
  }
}
