import { readPortRange } from "@signalbox/protocol";

/** A set of ports, spelled as single ones (`443`) and ranges (`8000-8999`). */
export class PortList {
  readonly #ranges: readonly (readonly [first: number, last: number])[];

  /** Throws a RangeError for what is no port and no range of them. */
  constructor(ports: readonly string[]) {
    this.#ranges = ports.map((text) => {
      const range = readPortRange(text);
      if (!range) throw new RangeError(`${text} is neither a port nor a range of them`);
      return range;
    });
  }

  has(port: number): boolean {
    return this.#ranges.some(([first, last]) => first <= port && port <= last);
  }
}
