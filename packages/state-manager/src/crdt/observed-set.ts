import type { Dot } from "./dot.ts";
import type { Home } from "./home.ts";
import { FORM, KIND, type Form } from "./kinds.ts";
import { PartTable } from "./part-table.ts";

/**
 * An observed-remove set without tombstones (Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas and Duarte, 2012, "An optimized
 * conflict-free replicated set"): an element is in it while it has a dot. Removing takes the dots that the remover has seen,
 * so an element that another replica adds at the same time stays.
 */
export class ObservedSet implements Home {
  readonly kind = KIND.set;
  readonly key: string;
  readonly #strings = new PartTable();
  readonly #others = new PartTable();
  #sorted: readonly Dot[] | undefined;

  constructor(key: string) {
    this.key = key;
  }

  get size(): number {
    return this.#strings.size + this.#others.size;
  }

  first(part: string, form: Form): Dot | undefined {
    return (form === FORM.string ? this.#strings : this.#others).get(part);
  }

  swapFirst(part: string, form: Form, dot: Dot): Dot | undefined {
    const before = (form === FORM.string ? this.#strings : this.#others).swap(part, dot);
    // An element that had a dot keeps its place in the order, but the dot there is gone.
    this.#sorted = undefined;
    return before;
  }

  dropPart(part: string, form: Form): void {
    (form === FORM.string ? this.#strings : this.#others).delete(part);
    this.#sorted = undefined;
  }

  weigh(): void {}

  /** A dot of each element, in an order that is the same for all replicas: strings by their characters, then the rest by its canonical JSON. */
  sorted(): readonly Dot[] {
    this.#sorted ??= [...inOrder(this.#strings), ...inOrder(this.#others)];
    return this.#sorted;
  }
}

function inOrder(cells: PartTable): Dot[] {
  return cells.values().sort((a, b) => (a.part < b.part ? -1 : a.part > b.part ? 1 : 0));
}
