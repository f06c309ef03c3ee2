import { limit } from "../limits.ts";

const MOST_ROUNDS = Math.floor(limit("peer.silentMs") / limit("hello.everyMs"));

/** The replicas that were heard lately. Counted in rounds of hellos, not in time, since clocks jump. */
export class Peers {
  readonly #silentRounds = new Map<string, number>();

  get size(): number {
    return this.#silentRounds.size;
  }

  /** One was heard; whether it is new. */
  heard(id: string): boolean {
    const isNew = !this.#silentRounds.has(id);
    this.#silentRounds.set(id, 0);
    return isNew;
  }

  left(id: string): void {
    this.#silentRounds.delete(id);
  }

  /** A round is over: who was silent for too many is not counted any more. */
  endRound(): void {
    for (const [id, rounds] of this.#silentRounds) {
      if (rounds >= MOST_ROUNDS) this.#silentRounds.delete(id);
      else this.#silentRounds.set(id, rounds + 1);
    }
  }
}
