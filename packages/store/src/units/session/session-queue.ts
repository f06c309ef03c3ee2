import { AgentInputsSchema, type SessionEndReason } from "@signalbox/protocol";

import type { QueuedInput, SessionProgress } from "../../rows.ts";
import { command, setSessionTimer, type SessionChange } from "./session-change.ts";

/** Whether the agent can be given its next turn. */
function canSpeak({ row, progress }: SessionChange): boolean {
  return (
    progress.isReady &&
    !progress.isWorking &&
    !progress.overBudget &&
    progress.reason === null &&
    row.state !== "PAUSED_BY_HUMAN" &&
    hasSaidAll(progress)
  );
}

/** Whether the runner has taken everything and said it: until then its agent may be about to begin a turn. */
export function hasSaidAll({ taken, commands, unheard }: SessionProgress): boolean {
  return taken === commands && unheard.every(({ told }) => told !== null);
}

/** Gives an agent that has nothing to do what waits first; answers whether there was something. */
export function speakNext(change: SessionChange): boolean {
  if (!canSpeak(change)) return false;
  const next = change.progress.queue.shift();
  if (!next) return false;
  command(change, { kind: "prompt", ...wordsOf(next) });
  change.progress.idle = null;
  return true;
}

/** Says into a turn that goes on after the loss of its runner what was said into it before, and not heard. */
export function steerAgain(change: SessionChange): void {
  const { queue } = change.progress;
  for (let next = queue[0]; next?.isAgain && next.delivery === "steer"; next = queue[0]) {
    queue.shift();
    command(change, { kind: "steer", ...wordsOf(next) });
  }
}

function wordsOf({ inputId, text, isAgain }: QueuedInput): Pick<QueuedInput, "inputId" | "text" | "isAgain"> {
  return { inputId, text, ...(isAgain ? { isAgain } : {}) };
}

/**
 * What comes after a turn, once the agent has heard everything that it was told: the next input, the end of a task that is
 * done, or a wait for somebody.
 */
export function settleTurn(change: SessionChange, now: number): void {
  const { row, progress } = change;
  if (progress.idle === null || progress.isWorking || speakNext(change)) return;
  if (!hasSaidAll(progress) || row.state === "PAUSED_BY_HUMAN") return;
  const { status, error } = progress.idle;
  const isTask = AgentInputsSchema.parse(JSON.parse(row.inputs)).mode === "task";
  // A task that is done needs no more, even where its last words went over the budget.
  if (progress.overBudget && !(isTask && status === "completed")) return;
  progress.idle = null;
  if (isTask && status !== "cancelled") {
    return status === "completed" ? close(change, "finished") : close(change, "agent_failed", error);
  }
  awaitSomebody(change, now);
}

/** Whether the agent has nothing to do until somebody says something. */
function isIdle({ row, progress }: SessionChange): boolean {
  const { isReady, isTaskHeard, isWorking, reason } = progress;
  return row.state === "RUNNING" && isReady && isTaskHeard && !isWorking && reason === null && hasSaidAll(progress);
}

/** From now on an agent with nothing to do waits, as long as its session may be inactive. */
export function awaitSomebody(change: SessionChange, now: number): void {
  const { row, progress } = change;
  if (isIdle(change)) setSessionTimer(change, "session.inactive", row.id, now + progress.terms.inactivityMs);
}

/** Tells the runner to end the agent in good order, and remembers why. */
export function close(change: SessionChange, reason: SessionEndReason, message?: string): void {
  if (change.progress.reason !== null) return;
  change.progress.reason = reason;
  change.progress.message = message ?? null;
  command(change, { kind: "close", reason, ...(message === undefined ? {} : { message }) });
}
