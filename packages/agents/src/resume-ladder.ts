import type { AgentEventOf } from "./agent-event.ts";
import type { ResumeSpec } from "./agent-session.ts";
import { isAgentError } from "./errors.ts";
import type { AgentLimits } from "./limits.ts";
import { bootstrapPreface } from "./transcript.ts";

/** One way to begin. */
export interface Rung {
  readonly resumed: AgentEventOf<"session.ready">["resumed"];
  /** The conversation to load; only where `resumed` is `loaded`. */
  readonly load: string | undefined;
  /** What to put before the first prompt; only where `resumed` is `bootstrapped`. */
  readonly preface: string | undefined;
  /** Why the rung before failed. */
  readonly resumeFailure: string | undefined;
}

/** The ways to go on with a conversation, best first: load it, tell of it, begin anew. Pure. */
export function rungsOf(resume: ResumeSpec | undefined, canLoad: boolean, limits: AgentLimits): readonly Rung[] {
  const none = { load: undefined, preface: undefined, resumeFailure: undefined };
  const fresh: Rung = { ...none, resumed: "fresh" };
  if (!resume) return [fresh];
  const preface = bootstrapPreface(resume.transcript ?? [], limits);
  const without: Rung = preface === undefined ? fresh : { ...none, resumed: "bootstrapped", preface };
  if (!canLoad) return [{ ...without, resumeFailure: "this agent does not load conversations" }];
  return [{ ...none, resumed: "loaded", load: resume.nativeSessionId }, without];
}

/**
 * Climbs down until a way works. Only what an agent refuses or does not answer leads to the next rung; a program that
 * cannot be started is the same on each.
 */
export async function climb<Session>(
  rungs: readonly Rung[],
  start: (rung: Rung) => Promise<Session>,
): Promise<Session> {
  const [rung, ...rest] = rungs;
  if (!rung) throw new RangeError("there is no way to begin");
  try {
    return await start(rung);
  } catch (error) {
    const [next, ...others] = rest;
    if (!next || !isAgentError(error, "HANDSHAKE_FAILED", "HANDSHAKE_TIMEOUT")) throw error;
    return climb([{ ...next, resumeFailure: error.message }, ...others], start);
  }
}
