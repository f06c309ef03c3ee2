import { show } from "./check-options.ts";
import type { Circuit } from "./circuit-state.ts";
import { InvalidOptionError } from "./errors.ts";
import { isSignal, type CallContext, type Work } from "./run-work.ts";

/** What answers instead of the work. It is given what the work failed with, or a CircuitOpenError. */
export type Fallback<Value> = (error: unknown, context: CallContext) => Value | PromiseLike<Value>;

/** How one call is made. */
export interface ExecuteOptions {
  /** Gives the call up: the work's signal is aborted, `execute` rejects with the reason, and nothing is counted. */
  readonly signal?: AbortSignal | undefined;
}

/** What a call is made of. */
export interface Call<Value, Substitute> {
  readonly primary: Work<Value>;
  readonly fallback: Fallback<Substitute> | undefined;
  readonly signal: AbortSignal | undefined;
}

/** When and under what a call began. */
export interface CallStart {
  /** The result counts for this circuit only. */
  readonly circuit: Circuit;
  /** Monotonic; undefined where nobody wants to know how long the call takes. */
  readonly startMs: number | undefined;
}

/** Why a call cannot be made as it is: an InvalidOptionError, or the reason of a signal that is aborted; else undefined. */
export function whyNotCallable({ primary, fallback, signal }: Call<unknown, unknown>): { error: unknown } | undefined {
  if (typeof primary !== "function") {
    return { error: new InvalidOptionError(`execute runs a function, not ${show(primary)}`) };
  }
  if (fallback !== undefined && typeof fallback !== "function") {
    return { error: new InvalidOptionError(`a fallback is a function, not ${show(fallback)}`) };
  }
  if (signal === undefined) return undefined;
  if (!isSignal(signal)) return { error: new InvalidOptionError(`signal is an AbortSignal, not ${show(signal)}`) };
  return signal.aborted ? { error: signal.reason } : undefined;
}
