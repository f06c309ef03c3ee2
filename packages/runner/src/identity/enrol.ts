import { enrolmentPreimage, RUNNER_PATHS, type Capabilities, type EnrolRunnerInput } from "@signalbox/protocol";
import * as z from "zod";

import type { RunnerKey } from "./runner-key.ts";
import { serverAddress } from "./server-url.ts";

/** What a machine says of itself when it joins. */
export interface MachineFacts {
  readonly hostname: string;
  readonly capabilities: Capabilities;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtimeVersions: Readonly<Record<string, string>>;
}

/** A control plane that did not admit this machine. `isRetryable` tells a server that is away from a token that is wrong. */
export class EnrolmentError extends Error {
  override readonly name = "EnrolmentError";
  readonly code: string;
  readonly isRetryable: boolean;

  constructor(code: string, message: string, isRetryable: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.isRetryable = isRetryable;
  }
}

const AnswerSchema = z.union([
  z.object({ success: z.literal(true), data: z.object({ runnerId: z.string().min(1), orgId: z.string().min(1) }) }),
  z.object({ success: z.literal(false), error: z.object({ code: z.string(), message: z.string() }) }),
]);

/** Trades a single-use token for a place in the fleet; the proof shows that the key is in this machine's hands. */
export async function enrol(request: {
  readonly server: URL;
  readonly token: string;
  readonly key: RunnerKey;
  readonly facts: MachineFacts;
  readonly signal: AbortSignal;
}): Promise<{ runnerId: string; orgId: string }> {
  const { server, token, key, facts, signal } = request;
  const body: EnrolRunnerInput = {
    ...facts,
    token,
    publicKey: key.publicKey,
    proof: key.sign(enrolmentPreimage(token, key.publicKey)),
  };
  const response = await post(serverAddress(server, RUNNER_PATHS.enrol), body, signal);
  const answer = AnswerSchema.safeParse(response.body);
  if (answer.data?.success) return answer.data.data;
  if (answer.data) throw refused(response.status, answer.data.error.code, answer.data.error.message);
  throw refused(response.status, "unexpected_answer", `${server.origin} answered ${response.status} and no enrolment`);
}

async function post(address: string, body: unknown, signal: AbortSignal): Promise<{ status: number; body: unknown }> {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal,
    });
    const text = await response.text();
    return { status: response.status, body: parseJson(text) };
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new EnrolmentError("unreachable", `cannot reach ${address}: ${reason}`, true, error);
  }
}

function refused(status: number, code: string, message: string): EnrolmentError {
  return new EnrolmentError(code, `enrolment was refused: ${message} (${code})`, status === 429 || status >= 500);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
