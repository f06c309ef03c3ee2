import type { Dot } from "./dot.ts";
import type { Home } from "./home.ts";
import { KIND, type Form } from "./kinds.ts";

/**
 * A counter: each part is written by one replica only, which tells what it has added and taken in all (a PN-counter: Shapiro,
 * Preguiça, Baquero and Zawirski, 2011, "A comprehensive study of Convergent and Commutative Replicated Data Types").
 */
export class Counter implements Home {
  readonly kind = KIND.counter;
  readonly key: string;
  readonly #parts = new Map<string, Dot>();
  #total = 0;
  #isExact = true;

  constructor(key: string) {
    this.key = key;
  }

  get size(): number {
    return this.#parts.size;
  }

  /** Undefined where it is no whole number that JavaScript can tell from its neighbours. */
  total(): number | undefined {
    if (!this.#isExact) this.#recount();
    return this.#isExact ? this.#total : undefined;
  }

  /** Whether it is such a number after so much more, also where it is none now: what was counted too far can be counted back. */
  isSafeAfter(added: number, taken: number): boolean {
    const total = this.total();
    if (total !== undefined) return Number.isSafeInteger(total + added - taken);
    return Number.isSafeInteger(Number(this.#exact() + BigInt(added) - BigInt(taken)));
  }

  first(part: string): Dot | undefined {
    return this.#parts.get(part);
  }

  swapFirst(part: string, _form: Form, dot: Dot): Dot | undefined {
    const before = this.#parts.get(part);
    this.#parts.set(part, dot);
    return before;
  }

  dropPart(part: string): void {
    this.#parts.delete(part);
  }

  weigh(first: Dot, sign: 1 | -1): void {
    this.#total += sign * (addedIn(first) - takenIn(first));
    if (!Number.isSafeInteger(this.#total)) this.#isExact = false;
  }

  #recount(): void {
    this.#total = Number(this.#exact());
    this.#isExact = Number.isSafeInteger(this.#total);
  }

  #exact(): bigint {
    let total = 0n;
    for (const first of this.#parts.values()) total += BigInt(addedIn(first)) - BigInt(takenIn(first));
    return total;
  }
}

// Two dots are beside each other only where a part was written by two at once, from copies of one file. Both tell a
// total that began with the same one, so the greater counts; what the other added is lost, and all replicas agree.

/** What was added to a part ever. */
export function addedIn(first: Dot): number {
  let most = first.main;
  for (let dot = first.beside; dot; dot = dot.beside) if (dot.main > most) most = dot.main;
  return most;
}

/** What was taken from a part ever. */
export function takenIn(first: Dot): number {
  let most = first.side;
  for (let dot = first.beside; dot; dot = dot.beside) if (dot.side > most) most = dot.side;
  return most;
}
