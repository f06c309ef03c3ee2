import type { Envelope, SessionCommand } from "@signalbox/protocol";

/** What is said to an agent whose turn was cut off. */
export const GO_ON = "You were interrupted. Go on where you were.";

/**
 * What is said before words that an agent was told, and was lost before it gave any sign of hearing them. It may have begun all
 * the same.
 */
export const AGAIN =
  "You may have been told this before, and were interrupted. See what is there already before you do anything twice.\n\n";

/** What the agent is told first: its task, to go on where it was cut off, or nothing yet. Pure. */
export function firstWords(
  { turns, wasWorking, nativeSessionId }: Exclude<Envelope["session"], undefined>,
  task: string,
): string | undefined {
  if (turns === 0) return nativeSessionId === null ? task : AGAIN + task;
  return wasWorking ? GO_ON : undefined;
}

/** What an input is to the agent. Pure. */
export function inputWords({ text, isAgain }: Extract<SessionCommand, { kind: "prompt" | "steer" }>): string {
  return isAgain ? AGAIN + text : text;
}
