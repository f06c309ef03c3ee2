import { AgentInputsSchema, type SessionCommand } from "@signalbox/protocol";

import { inputIdOf } from "../../derived-ids.ts";
import type { SessionProgress, SpokenWords } from "../../rows.ts";
import { tell, type SessionChange } from "./session-change.ts";

/** Whether the agent's turn was cut off and is to go on by itself at its next start. Pure. */
export function goesOn({ wasWorking, isPaused, overBudget, reason }: SessionProgress): boolean {
  return wasWorking && !isPaused && !overBudget && reason === null;
}

/** How far a session has come, for the runner that is to have it. Pure. */
export function openingOf(
  progress: SessionProgress,
): Pick<SessionProgress, "nativeSessionId" | "turns" | "wasWorking"> {
  const { nativeSessionId, isTaskHeard, turns, reason } = progress;
  // A task that no agent has heard is said by the runner, whatever turn it was begun as; unless all that is left is the end.
  const isToBegin = !isTaskHeard && reason === null;
  return { nativeSessionId, turns: isToBegin ? 0 : Math.max(1, turns), wasWorking: goesOn(progress) };
}

/** The runner has the words, and will say them after those that it has. */
export function handWords({ progress }: SessionChange, words: SpokenWords): void {
  progress.unheard.push({ ...words, told: null });
}

/** The first words that were not told have been: as a turn, or into the turn that goes on. */
export function noteTold({ progress }: SessionChange, told: "turn" | "steer"): void {
  const next = progress.unheard.find((words) => words.told === null);
  if (next) next.told = told;
}

/** The agent has done something after it was told, or its turn is over: what it was told is its own business now. */
export function noteHeard({ progress }: SessionChange): void {
  if (progress.unheard.some(({ kind, told }) => kind === "task" && told !== null)) progress.isTaskHeard = true;
  progress.unheard = progress.unheard.filter(({ told }) => told === null);
}

/**
 * The agent is lost: its turn is to go on, unless it had not even heard what that was about. Inputs that it did not hear, and
 * those that its runner had not taken (`missed`), wait again, before all others.
 */
export function returnWords(change: SessionChange, missed: readonly SessionCommand[], now: number): void {
  const { row, progress } = change;
  const { unheard } = progress;
  const isTurnUnheard = unheard.some(({ kind, told }) => kind === "task" || (kind !== "go_on" && told === "turn"));
  progress.wasWorking ||= progress.isWorking && !isTurnUnheard;
  progress.wasWorking ||= unheard.some(({ kind }) => kind === "go_on");
  progress.wasWorking ||= missed.some((told) => told.kind === "resume" && told.continues);
  if (isTurnUnheard) progress.wasWorking = false;
  progress.isWorking = false;
  const returned: SessionProgress["queue"] = [];
  if (progress.isPaused && unheard.some(({ kind }) => kind === "task")) {
    // Nobody may speak to the agent now: its task waits like any input.
    progress.isTaskHeard = true;
    progress.inputs += 1;
    const inputId = inputIdOf(row.id, progress.inputs);
    const { task: text } = AgentInputsSchema.parse(JSON.parse(row.inputs));
    tell(change, "input.queued", { inputId, text, delivery: "queue" });
    returned.push({ inputId, text, delivery: "queue", queuedAt: now, isAgain: true });
  }
  for (const words of unheard) {
    if (words.kind === "task" || words.kind === "go_on") continue;
    const { kind, inputId, text } = words;
    tell(change, "input.returned", { inputId });
    returned.push({ inputId, text, delivery: deliveryOf(kind), queuedAt: now, isAgain: true });
  }
  for (const told of missed) {
    if (told.kind !== "prompt" && told.kind !== "steer") continue;
    const { inputId, text, isAgain = false } = told;
    returned.push({ inputId, text, delivery: deliveryOf(told.kind), queuedAt: now, isAgain });
  }
  progress.unheard = [];
  progress.queue.unshift(...returned);
}

function deliveryOf(kind: "prompt" | "steer"): "queue" | "steer" {
  return kind === "steer" ? "steer" : "queue";
}
