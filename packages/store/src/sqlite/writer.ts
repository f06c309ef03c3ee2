import type { QueuedUnit, WriterAnswer } from "./unit-queue.ts";

/** What runs the units of a store and answers after each commit. */
export interface Writer {
  /** Takes units to be run in this order. */
  send(units: QueuedUnit[]): void;
  /** Puts everything in its place before the end; call it when nothing waits any more. */
  checkpoint(): Promise<void>;
  /** Lets go of the database: in order, or, after a failure, without touching the disk again. */
  close(): Promise<void>;
}

/** Where a writer tells what happened. */
export interface WriterEvents {
  /** Some units are settled: those that were sent first. */
  readonly onAnswer: (answer: WriterAnswer) => void;
  /** The writer has failed for good; what is not answered by now never will be. */
  readonly onFatal: (error: Error) => void;
}
