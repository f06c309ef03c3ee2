import type { AgentFailure } from "../agent-event.ts";
import { AgentError } from "../errors.ts";
import { failureOfStatus } from "../http-failure.ts";
import { lookUp } from "../look-up.ts";
import { toError } from "../to-error.ts";

/** How a call to Omnara came to nothing. */
export interface CallFailure {
  /** What was asked for: `createAgent`. */
  readonly operation: string;
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  /** Omnara's own code, which it promises to keep: `idempotency_key_conflict`. */
  readonly code: string | undefined;
  readonly message: string;
  readonly isTimeout: boolean;
}

/** A call that Omnara refused, or did not answer. `failure` says so in the words of a turn. */
export class OmnaraCallError extends AgentError {
  readonly status: number | undefined;
  readonly failure: AgentFailure;

  constructor({ operation, status, code, message, isTimeout }: CallFailure) {
    const known = { operation, ...(status === undefined ? {} : { status }), ...(code === undefined ? {} : { code }) };
    const words = `omnara: ${operation} ${status === undefined ? "failed" : `was answered with ${status}`}: ${message}`;
    super(isTimeout ? "CALL_TIMEOUT" : "CALL_FAILED", words, known);
    this.status = status;
    this.failure = {
      ...failureOfStatus(status),
      message: words,
      ...(status === undefined ? {} : { httpStatus: status }),
    };
  }
}

/** Why a turn came to nothing whose prompt Omnara was not told. Pure. */
export function failureOfCall(error: unknown): AgentFailure {
  if (error instanceof OmnaraCallError) return error.failure;
  const isRetryable = error instanceof AgentError && error.isRetryable;
  return { code: "agent_error", message: toError(error).message, isRetryable };
}

/** Whether the same call can do better later: Omnara says so of 429 and 5xx. Pure. */
export function isWorthAnotherTry(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/**
 * How a turn failed whose last model output stopped so (ModelOutputStopReason). Undefined: it is done. Of an error of the
 * model Omnara tells words and no code. Pure.
 */
export function failureOfStopReason(stopReason: string, words: string): AgentFailure | undefined {
  if (stopReason === "end_turn") return undefined;
  const message = words || `the turn ended as ${stopReason}`;
  return { code: lookUp(STOPS, stopReason) ?? "agent_error", message, isRetryable: false };
}

const STOPS: Readonly<Record<string, AgentFailure["code"]>> = {
  max_tokens: "output_limit",
  refusal: "refused",
  content_filter: "refused",
};
