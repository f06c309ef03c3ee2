import type { AgentEventOf } from "./agent-event.ts";
import type { ResumeSpec } from "./agent-session.ts";
import { isAgentError } from "./errors.ts";
import type { AgentLimits } from "./limits.ts";
import { toError } from "./to-error.ts";
import { bootstrapPreface } from "./transcript.ts";

/** One way to begin. */
export interface Rung {
  readonly resumed: AgentEventOf<"session.ready">["resumed"];
  /** The conversation to load; only where `resumed` is `loaded`. */
  readonly load: string | undefined;
  /** What the agent is told of; only where `resumed` is `bootstrapped`. */
  readonly transcript: ResumeSpec["transcript"];
  /** Why the rungs before failed. */
  readonly resumeFailure: string | undefined;
}

/** A rung on which somebody stands. */
export interface Foothold extends Pick<Rung, "resumed" | "resumeFailure"> {
  /** What to put before the first prompt; only where `resumed` is `bootstrapped`. */
  readonly preface: string | undefined;
}

/** The ways to go on with a conversation, best first: load it, tell of it, begin anew. Pure. */
export function rungsOf(resume: ResumeSpec | undefined, canLoad: boolean): readonly Rung[] {
  const none = { load: undefined, transcript: undefined, resumeFailure: undefined };
  const fresh: Rung = { ...none, resumed: "fresh" };
  if (!resume) return [fresh];
  const { transcript } = resume;
  const without: Rung = transcript === undefined ? fresh : { ...none, resumed: "bootstrapped", transcript };
  const { nativeSessionId } = resume;
  if (!canLoad) return [{ ...without, resumeFailure: notLoaded("this agent does not load conversations") }];
  if (nativeSessionId === undefined) return [{ ...without, resumeFailure: notLoaded("its name is not known") }];
  return [{ ...none, resumed: "loaded", load: nativeSessionId }, without];
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
    return climb([{ ...next, resumeFailure: notLoaded(error.message) }, ...others], start);
  }
}

/** Reads what there is to tell of. Where that is nothing, or cannot be read, the agent begins anew, and it is said why. */
export async function standOn(rung: Rung, limits: AgentLimits): Promise<Foothold> {
  const { resumed, resumeFailure, transcript } = rung;
  if (resumed !== "bootstrapped") return { resumed, resumeFailure, preface: undefined };
  try {
    const known = typeof transcript === "function" ? await transcript() : (transcript ?? []);
    const preface = bootstrapPreface(known, limits);
    if (preface !== undefined) return { resumed, resumeFailure, preface };
    return anew(resumeFailure, "nothing of it is on record");
  } catch (error) {
    // Whatever it is that keeps the record from being read: an agent without a memory is better than none.
    return anew(resumeFailure, `its record cannot be read: ${toError(error).message}`);
  }
}

function anew(before: string | undefined, why: string): Foothold {
  const reasons = [...(before === undefined ? [] : [before]), `not told of it: ${why}`];
  return { resumed: "fresh", resumeFailure: reasons.join("; "), preface: undefined };
}

function notLoaded(why: string): string {
  return `not loaded: ${why}`;
}
