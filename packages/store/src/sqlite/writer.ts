import type { QueuedUnit, WriterAnswer } from "./unit-queue.ts";

/** What runs the units of a store and answers after each commit. */
export interface Writer {
  /** Takes units to be run in this order. */
  send(units: QueuedUnit[]): void;
  /** Lets go of the database; call it when nothing waits any more. */
  close(): Promise<void>;
}

/** Where a writer tells what happened. */
export interface WriterEvents {
  /** Some units are settled: those that were sent first. */
  readonly onAnswer: (answer: WriterAnswer) => void;
  /** The writer has failed for good; what is not answered by now never will be. */
  readonly onFatal: (error: Error) => void;
}
