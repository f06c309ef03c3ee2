import type { Dot } from "./dot.ts";
import { FORM, KIND, type Form, type Kind } from "./kinds.ts";

/** What cells are found in by their part: all registers, a counter, a set. */
export interface Home {
  readonly kind: Kind;
  /** Empty for registers: there each part is a key. */
  readonly key: string;
  /** The first dot of a cell. */
  first(part: string, form: Form): Dot | undefined;
  /** Makes another dot the first of a cell; returns the one that was. */
  swapFirst(part: string, form: Form, dot: Dot): Dot | undefined;
  /** Forgets a cell in which nothing is left. */
  dropPart(part: string, form: Form): void;
  /** A cell is about to change, or has changed: a home may keep a sum over its cells. */
  weigh(first: Dot, sign: 1 | -1): void;
}

/** The registers, or the exports, of a state. */
export class Registers implements Home {
  readonly kind: Kind;
  readonly key = "";
  readonly #cells = new Map<string, Dot>();

  constructor(kind: typeof KIND.register | typeof KIND.export) {
    this.kind = kind;
  }

  first(part: string): Dot | undefined {
    return this.#cells.get(part);
  }

  swapFirst(part: string, _form: Form, dot: Dot): Dot | undefined {
    const before = this.#cells.get(part);
    this.#cells.set(part, dot);
    return before;
  }

  dropPart(part: string): void {
    this.#cells.delete(part);
  }

  weigh(): void {}

  keys(): Iterable<string> {
    return this.#cells.keys();
  }
}

/** The key that the user knows a dot by. */
export function keyOf({ home, part }: Pick<Dot, "home" | "part">): string {
  return home.key === "" ? part : home.key;
}

/** The form of a dot's part. */
export function formOfPart({ home, side }: Pick<Dot, "home" | "side">): Form {
  return home.kind === KIND.set && side === FORM.json ? FORM.json : FORM.string;
}
