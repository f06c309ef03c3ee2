import { FailedResultError, SlowCallError } from "./errors.ts";
import type { Outcome } from "./run-work.ts";
import type { Settings } from "./settings.ts";

/** What a call means for the circuit, and for its caller. */
export interface Verdict {
  /** `nothing`: the caller gave up, which says nothing about the service. */
  readonly counts: "success" | "failure" | "nothing";
  /** What was thrown, or what says why the call counts as failed; undefined where all is well. */
  readonly error: unknown;
  /** Whether a fallback, if there is one, answers instead. */
  readonly fallsBack: boolean;
  /** Whether the caller gets the error where no fallback answers; otherwise it gets the value. */
  readonly throws: boolean;
}

const SUCCESS: Verdict = { counts: "success", error: undefined, fallsBack: false, throws: false };

/** Judges how a call ended. A hook that throws is a bug: the caller gets what it threw, and the call counts as failed. */
export function judge(outcome: Outcome<unknown>, durationMs: number, settings: Settings): Verdict {
  try {
    switch (outcome.kind) {
      case "aborted":
        return { counts: "nothing", error: outcome.reason, fallsBack: false, throws: true };
      case "too-slow":
        return { counts: "failure", error: new SlowCallError(settings.slowCallMs), fallsBack: true, throws: true };
      case "error":
        return judgeError(outcome.error, durationMs, settings);
      case "value":
        return judgeValue(outcome.value, durationMs, settings);
    }
  } catch (bug) {
    return { counts: "failure", error: bug, fallsBack: false, throws: true };
  }
}

function judgeError(error: unknown, durationMs: number, { isFailure, slowCallMs }: Settings): Verdict {
  const hasFailed = isFailure === undefined || isFailure(error);
  const counts = hasFailed || durationMs > slowCallMs ? "failure" : "success";
  return { counts, error, fallsBack: hasFailed, throws: true };
}

function judgeValue(value: unknown, durationMs: number, { isFailureResult, slowCallMs }: Settings): Verdict {
  if (isFailureResult?.(value)) {
    return { counts: "failure", error: new FailedResultError(value), fallsBack: true, throws: false };
  }
  if (durationMs <= slowCallMs) return SUCCESS;
  // It is late and it is there: the caller has more of it than of a substitute.
  return { counts: "failure", error: new SlowCallError(slowCallMs), fallsBack: false, throws: false };
}
