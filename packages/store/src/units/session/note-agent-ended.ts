import { isFinal, SESSION_TRANSITIONS } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { Statement } from "../../unit.ts";
import { loadHeldAttempt, type HeldAttempt } from "../run/attempt-change.ts";
import { loadSession, outcomeOfSession, saveSession, tell, type SessionOutcome } from "./session-change.ts";
import { isEndedBySomebody } from "./stop-meaning.ts";

export interface NoteAgentEndedArgs extends HeldAttempt {
  readonly runnerId: string;
  readonly now: number;
}

/**
 * Nothing is left of the agent of a session that somebody ended. Its words and facts may still be on their way, so the session
 * ends with its attempt as always; that its agent does nothing any more is told now. Of one that ends by itself it is no news.
 */
export function* noteAgentEnded(args: NoteAgentEndedArgs): Generator<Statement, SessionOutcome, unknown> {
  const { attemptId, runnerId, now } = args;
  const { change: run, step } = yield* loadHeldAttempt(args);
  if (step.sessionId === undefined) {
    throw new UnitRefusal("SESSION_NOT_FOUND", `attempt ${attemptId} is the work of no session`, { attemptId });
  }
  const change = yield* loadSession(step.sessionId);
  const { row, progress } = change;
  const isHeld = progress.attemptId === attemptId && !isFinal(SESSION_TRANSITIONS, row.state);
  const isEnded = isEndedBySomebody(progress) || run.progress.cancelRequestedAt !== null;
  if (!isHeld || !isEnded || (progress.agentEndedAt ?? null) !== null) return outcomeOfSession(change);
  progress.agentEndedAt = now;
  tell(change, "agent.ended", { attemptId });
  return yield* saveSession(change, { now, actor: { kind: "runner", id: runnerId } });
}
