import type { GroupExecutor } from "./group-executor.ts";
import { GroupBuffer } from "./group-buffer.ts";
import type { WriterLimits } from "./limits.ts";
import type { QueuedUnit } from "./unit-queue.ts";
import type { Writer, WriterEvents } from "./writer.ts";

export interface InlineWriterOptions extends WriterEvents {
  readonly executor: GroupExecutor;
  readonly limits: WriterLimits;
}

/** Runs units on the caller's thread, for databases in memory. */
export class InlineWriter implements Writer {
  readonly #options: InlineWriterOptions;
  readonly #buffer: GroupBuffer;

  constructor(options: InlineWriterOptions) {
    this.#options = options;
    this.#buffer = new GroupBuffer(options.limits);
  }

  send(units: QueuedUnit[]): void {
    this.#buffer.add(units);
    for (let group = this.#buffer.next(); group.length > 0; group = this.#buffer.next()) {
      const outcome = this.#options.executor.execute(group);
      this.#options.onAnswer(outcome);
      if (outcome.fatal) this.#options.onFatal(outcome.fatal);
    }
  }

  async checkpoint(): Promise<void> {}

  async close(): Promise<void> {}
}
