import type { WriterLimits } from "./limits.ts";
import type { QueuedUnit } from "./unit-queue.ts";

/** What a writer has been sent and not run yet; it hands out groups of a bounded size, in order. */
export class GroupBuffer {
  readonly #limits: WriterLimits;
  #units: QueuedUnit[] = [];
  #first = 0;

  constructor(limits: WriterLimits) {
    this.#limits = limits;
  }

  /** Whether the next group is as large as a group may be, so that there is no need to look for more. */
  get hasFullGroup(): boolean {
    return this.#units.length - this.#first >= this.#limits.maxGroupUnits;
  }

  add(units: QueuedUnit[]): void {
    if (this.#first >= this.#units.length) {
      this.#units = units;
      this.#first = 0;
      return;
    }
    for (const unit of units) this.#units.push(unit);
  }

  /** The units of the next commit; none when there is nothing to do. */
  next(): QueuedUnit[] {
    const start = this.#first;
    let bytes = 0;
    while (this.#first < this.#units.length && this.#first - start < this.#limits.maxGroupUnits) {
      bytes += this.#units[this.#first]?.bytes ?? 0;
      this.#first += 1;
      if (bytes >= this.#limits.maxGroupBytes) break;
    }
    return this.#units.slice(start, this.#first);
  }
}
