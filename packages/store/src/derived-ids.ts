import { createHash } from "node:crypto";

/**
 * Ids of what belongs to a run are made from the run's, so that a unit needs no randomness, a step's attempts lie
 * together, and the run can be read off. A run's id is itself unguessable.
 */
export function attemptIdOf(runId: string, stepIndex: number, number: number): string {
  return `att_${bodyOf(runId)}.${stepIndex}.${number}`;
}

/** The gate of a step; one that is asked again has the number of the time. */
export function gateIdOf(runId: string, stepIndex: number, number = 1): string {
  return `gate_${bodyOf(runId)}.${stepIndex}${number === 1 ? "" : `.${number}`}`;
}

export function artifactIdOf(runId: string, stepIndex: number, number: number): string {
  return `art_${bodyOf(runId)}.${stepIndex}.${number}`;
}

export function stepIdOf(runId: string, stepIndex: number): string {
  return `stp_${bodyOf(runId)}.${stepIndex}`;
}

/** The session that a step is the work of. */
export function sessionIdOf(runId: string, stepIndex: number): string {
  return `ses_${bodyOf(runId)}.${stepIndex}`;
}

/** The step that a session is the work of. */
export function stepIdOfSession(sessionId: string): string {
  return `stp_${bodyOf(sessionId)}`;
}

/** The n-th approval, or input, of a session. */
export function approvalIdOf(sessionId: string, number: number): string {
  return `apr_${bodyOf(sessionId)}.${number}`;
}

export function inputIdOf(sessionId: string, number: number): string {
  return `inp_${bodyOf(sessionId)}.${number}`;
}

/**
 * The run that a stream of events tells of: a run's own, or that of the step that a session is the work of; null for
 * the streams of runners, plugins and webhooks.
 */
export function runIdOfStream(stream: string): string | null {
  if (stream.startsWith("run_")) return stream;
  return stream.startsWith("ses_") ? `run_${bodyOf(stream).replace(/\.\d+$/, "")}` : null;
}

/** One event on its way to one webhook. Signatures join parts with '.', so there is none in it. */
export function deliveryIdOf(webhookId: string, stream: string, seq: number): string {
  const hash = createHash("sha256").update(`${webhookId}/${stream}/${seq}`).digest("hex");
  return `whd_${hash.slice(0, 32)}`;
}

/** The range of ids [from, to) that belong to a run, for the kinds above. */
export function idRangeOf(prefix: "att" | "gate" | "art", runId: string): readonly [from: string, to: string] {
  // '/' is the character after '.'.
  return [`${prefix}_${bodyOf(runId)}.`, `${prefix}_${bodyOf(runId)}/`];
}

/** What an attempt's id says; undefined for a text that is none. */
export function parseAttemptId(
  attemptId: string,
): { readonly runId: string; readonly stepIndex: number; readonly number: number } | undefined {
  const [, body, stepIndex, number] = ATTEMPT_ID.exec(attemptId) ?? [];
  return body === undefined
    ? undefined
    : { runId: `run_${body}`, stepIndex: Number(stepIndex), number: Number(number) };
}

// One spelling for each attempt: a zero in front would make another id of the same attempt, with output of its own.
const ATTEMPT_ID = /^att_([0-9a-zA-Z-]{1,64})\.(0|[1-9]\d{0,5})\.([1-9]\d{0,5})$/;

function bodyOf(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}
