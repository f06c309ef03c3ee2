import type { SessionCommand, SessionEndReason } from "@signalbox/protocol";

import type { SessionCommandRow, SessionProgress, SessionRow, StepProgress } from "../../rows.ts";
import { all, get, type Statement } from "../../unit.ts";
import type { SessionChange } from "./session-change.ts";

/** Why a session ends that somebody ended. Decided when they do: nothing that its agent or runner does until it is gone changes it. */
const BY_SOMEBODY: ReadonlySet<SessionEndReason> = new Set(["closed", "stopped"]);

/** Whether somebody has ended a session, which from then on ends as they did it. Pure. */
export function isEndedBySomebody({ reason }: Pick<SessionProgress, "reason">): boolean {
  return reason !== null && BY_SOMEBODY.has(reason);
}

/** What a stop means now: an end in good order for an agent that has nothing to do, else the end of its work. */
export function* meaningOfStop(change: SessionChange): Generator<Statement, "closed" | "stopped", unknown> {
  return (yield* isAtWork(change)) ? "stopped" : "closed";
}

const SELECT_UNTAKEN = "SELECT * FROM session_commands WHERE session_id = (SELECT ?) AND seq > (SELECT ?) ORDER BY seq";

/** Whether the agent works, or is to: also on what its runner has not taken, or has not told it, yet. */
function* isAtWork({ row, progress }: SessionChange): Generator<Statement, boolean, unknown> {
  const { turns, isTaskHeard, isWorking, wasWorking, isPaused, queue, unheard, taken, commands } = progress;
  if (turns === 0 || !isTaskHeard || isWorking || wasWorking) return true;
  if ((queue.length > 0 && !isPaused) || unheard.some(({ told }) => told === null)) return true;
  if (taken === commands) return false;
  const untaken = yield* all<SessionCommandRow>(SELECT_UNTAKEN, row.id, taken);
  // Written by saveSession.
  return untaken.some(({ command }) => beginsTurn(JSON.parse(command) as SessionCommand));
}

/** Whether the agent takes a turn after a command. Pure. */
export function beginsTurn(told: SessionCommand): boolean {
  return told.kind === "prompt" || told.kind === "steer" || (told.kind === "resume" && told.continues);
}

const SELECT_SESSION = "SELECT * FROM sessions WHERE id = ?";

/** Whether a step is the work of a session that somebody stopped: however its attempt ends, it is not tried again. */
export function* isStopped({ sessionId }: StepProgress): Generator<Statement, boolean, unknown> {
  if (sessionId === undefined) return false;
  const row = yield* get<SessionRow>(SELECT_SESSION, sessionId);
  // Written by saveSession.
  return row !== undefined && (JSON.parse(row.progress) as SessionProgress).reason === "stopped";
}
