import type { SessionRow } from "../../rows.ts";
import { get, type Statement } from "../../unit.ts";
import { SYSTEM_ACTOR } from "@signalbox/protocol";
import { changeOf, saveSession, type SessionOutcome } from "./session-change.ts";
import { awaitSomebody } from "./session-queue.ts";

const SELECT_SESSION = "SELECT * FROM sessions WHERE id = ?";

/** What came of noting that somebody does something in a session without a word to its agent. */
export interface NotedActivity {
  /** How long the session may be inactive. */
  readonly inactivityMs: number;
  /** Absent where its agent is at work, or there is nothing else to note. */
  readonly session?: SessionOutcome;
}

/** Somebody types in a session: it is not inactive. Undefined where there is no such session, or it has ended. */
export function* noteActivity(args: {
  readonly sessionId: string;
  readonly now: number;
}): Generator<Statement, NotedActivity | undefined, unknown> {
  const row = yield* get<SessionRow>(SELECT_SESSION, args.sessionId);
  if (!row || row.ended_at !== null) return undefined;
  const change = changeOf(row);
  const { inactivityMs } = change.progress.terms;
  awaitSomebody(change, args.now);
  if (change.timers.length === 0) return { inactivityMs };
  return { inactivityMs, session: yield* saveSession(change, { now: args.now, actor: SYSTEM_ACTOR }) };
}
