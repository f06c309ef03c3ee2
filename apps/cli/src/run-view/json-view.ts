import type { EventRecord } from "@signalbox/protocol";

import type { Output } from "../output.ts";
import type { RunView } from "./run-view.ts";

/** One event to a line, as the server tells it. */
export class JsonView implements RunView {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  event(event: EventRecord): void {
    this.#output.document({ event });
  }

  output(): void {}

  notice(): void {}

  close(): void {}
}
