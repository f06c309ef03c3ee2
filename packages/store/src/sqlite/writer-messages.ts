import type { WireError } from "./error-wire.ts";
import type { WriterLimits } from "./limits.ts";
import type { QueuedUnit } from "./unit-queue.ts";

/** What the writer's thread is started with. */
export interface WriterThreadSettings {
  readonly directory: string;
  readonly databaseFile: string;
  readonly walFile: string;
  /** The address of the module that exports `units`. */
  readonly unitsUrl: string;
  readonly busyTimeoutMs: number;
  readonly limits: WriterLimits;
}

/** To the writer: units to run, or one of the two words of the end. */
export type ToWriter = QueuedUnit[] | "checkpoint" | "close";

/** From the writer: it is ready, has committed a group, has emptied its log, or has failed for good. */
export type FromWriter =
  | { readonly kind: "ready" }
  | { readonly kind: "checkpointed" }
  | WriterAnswerMessage
  | { readonly kind: "fatal"; readonly error: WireError };

/** Results in the order of the units, and the errors of those that failed, in that order too. */
export interface WriterAnswerMessage {
  readonly kind: "answer";
  /** As JSON where they can be, else as they are. */
  readonly results: string | unknown[];
  readonly failures: readonly WireFailure[];
  /** Set when there will be no other answer: in one message, so that no caller can act between the two. */
  readonly fatal: WireError | undefined;
}

export interface WireFailure {
  readonly index: number;
  readonly error: WireError;
}
