import { RequestError } from "@agentclientprotocol/sdk";
import * as z from "zod";

import type { AgentFailure } from "../agent-event.ts";
import { failureOfStatus } from "../http-failure.ts";
import { lookUp } from "../look-up.ts";
import { toError } from "../to-error.ts";

/** Why a prompt was refused, in our words. ACP has no words for it, so the status is looked for where agents put it. Pure. */
export function acpFailure(error: unknown): AgentFailure {
  if (!(error instanceof RequestError)) {
    return { code: "agent_error", message: toError(error).message, isRetryable: false };
  }
  const { details, httpStatus } = readData(error.data);
  const message = details === undefined ? error.message : `${error.message}: ${details}`;
  if (error.code === AUTH_REQUIRED) return { code: "authentication", message, isRetryable: false };
  const status = httpStatus ?? statusOf(error.code) ?? statusIn(message);
  if (status === undefined) return { code: "agent_error", message, isRetryable: false };
  return { ...failureOfStatus(status), message, httpStatus: status };
}

/** How a turn ended that the agent did not refuse. Undefined: it was done, or cancelled. Pure. */
export function failureOfStop(stopReason: string): AgentFailure | undefined {
  const failure = lookUp(STOPS, stopReason);
  return failure && { ...failure, message: `the turn ended as ${stopReason}`, isRetryable: false };
}

/**
 * Whether what an agent said in a turn is no answer but the text of a failure. Some agents end such a turn as if all were
 * well; only those are asked. Pure.
 */
export function soundsLikeFailure(text: string): boolean {
  return /^\W*(?:api error|error|unexpected status|exceeded retry limit|stream (?:error|disconnected)|request failed)\b/i.test(
    text,
  );
}

const AUTH_REQUIRED = -32_000;

const STOPS: Readonly<Record<string, Pick<AgentFailure, "code">>> = {
  max_tokens: { code: "output_limit" },
  max_turn_requests: { code: "turn_limit" },
  refusal: { code: "refused" },
};

const DataSchema = z.looseObject({
  details: z.string().optional(),
  status: z.unknown().optional(),
  httpStatus: z.unknown().optional(),
  statusCode: z.unknown().optional(),
  code: z.unknown().optional(),
});

function readData(data: unknown): { readonly details: string | undefined; readonly httpStatus: number | undefined } {
  const read = DataSchema.safeParse(data).data;
  if (!read) return { details: typeof data === "string" ? data : undefined, httpStatus: undefined };
  const statuses = [read.httpStatus, read.statusCode, read.status, read.code].map(statusOf);
  return { details: read.details, httpStatus: statuses.find((each) => each !== undefined) };
}

/** A number that is the status of a failed HTTP request. */
function statusOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value < 600 ? value : undefined;
}

function statusIn(message: string): number | undefined {
  return statusOf(Number(/\b(?:status|code|error)\D{0,12}([45]\d\d)\b/i.exec(message)?.[1]));
}
