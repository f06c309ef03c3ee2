import { isFinal, SESSION_TRANSITIONS, type SessionCommand, type SessionEndReason } from "@signalbox/protocol";

import { attemptIdOf } from "../../derived-ids.ts";
import type { SessionCommandRow, StepProgress } from "../../rows.ts";
import { all, type Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import type { RunChange } from "../run/run-change.ts";
import { supersedeApprovals } from "./approvals.ts";
import { refundEnded } from "./held-back.ts";
import {
  canMove,
  loadSession,
  moveSession,
  saveSession,
  setSessionTimer,
  tell,
  type SessionChange,
  type SessionOutcome,
} from "./session-change.ts";
import { isEndedBySomebody } from "./stop-meaning.ts";
import { returnWords } from "./unheard-words.ts";

/** What of a step its session follows. */
export function standingOf(step: StepProgress): string {
  return `${step.state}:${step.live ?? ""}`;
}

/** Brings the sessions of a run to where its steps have gone: queued, held by a runner, queued again, over. */
export function* followSteps(run: RunChange, origin: Origin): Generator<Statement, SessionOutcome[], unknown> {
  const outcomes: SessionOutcome[] = [];
  for (const step of run.progress.steps) {
    if (step.sessionId === undefined || run.standings.get(step) === standingOf(step)) continue;
    const change = yield* loadSession(step.sessionId);
    if (isFinal(SESSION_TRANSITIONS, change.row.state)) continue;
    yield* followStep(change, step, run, origin);
    outcomes.push(yield* saveSession(change, origin));
  }
  return [...outcomes, ...(yield* refundEnded(run, origin))];
}

function* followStep(
  change: SessionChange,
  step: StepProgress,
  run: RunChange,
  origin: Origin,
): Generator<Statement, void, unknown> {
  if (step.live !== null) return hold(change, step);
  const wasHeld = change.progress.attemptId !== null;
  yield* letGo(change, origin);
  if (isOver(step)) {
    yield* supersedeApprovals(change, () => true, origin);
    change.progress.isWorking = false;
    return end(change, endingOf(step, run), origin.now);
  }
  if (wasHeld && step.attempts.at(-1)?.state === "failed") startOver(change);
  else if (wasHeld) yield* passOn(change, origin.now);
  if (canMove(change, "queue")) moveSession(change, "queue");
  else if (step.attempts.length > 0 && canMove(change, "lose")) {
    moveSession(change, "lose");
    tell(change, "session.interrupted", {});
  }
}

/** A runner has it, and will say when the agent is ready. */
function hold({ row, progress }: SessionChange, step: StepProgress): void {
  const attempt = step.attempts.at(-1);
  if (!attempt || progress.epoch === attempt.number) return;
  progress.attemptId = attemptIdOf(row.run_id, row.step_idx, attempt.number);
  progress.epoch = attempt.number;
  progress.runnerId = attempt.runnerId;
  progress.isReady = false;
  progress.agentEndedAt = null;
  progress.usageBefore = progress.usage;
  progress.partial = "";
  // What an earlier attempt left is not how this one ends.
  if (progress.diff) progress.diff = { ...progress.diff, isFinal: false };
}

const SELECT_MISSED = "SELECT * FROM session_commands WHERE session_id = (SELECT ?) AND seq > (SELECT ?) ORDER BY seq";

/** No runner has it any more: what its agent waited for is void. */
function* letGo(change: SessionChange, origin: Origin): Generator<Statement, void, unknown> {
  const { progress } = change;
  if (progress.attemptId === null) return;
  yield* supersedeApprovals(change, ({ origin: from }) => from !== null, origin);
  progress.isReady = false;
  progress.attemptId = null;
  progress.runnerId = null;
}

/** What was said to the agent, and to come, is the next one's business. */
function* passOn(change: SessionChange, now: number): Generator<Statement, void, unknown> {
  const { row, progress } = change;
  const missed = yield* all<SessionCommandRow>(SELECT_MISSED, row.id, progress.taken);
  returnWords(
    change,
    missed.map(({ command }) => JSON.parse(command) as SessionCommand),
    now,
  );
  // What else it was told was for this attempt only; an end that was wanted is told again.
  progress.taken = progress.commands;
}

/** The work failed and is to be tried again, from its beginning. */
function startOver({ progress }: SessionChange): void {
  if (!isEndedBySomebody(progress)) {
    progress.reason = null;
    progress.message = null;
  }
  progress.nativeSessionId = null;
  progress.isTaskHeard = false;
  progress.isWorking = false;
  progress.wasWorking = false;
  progress.idle = null;
  progress.unheard = [];
  progress.taken = progress.commands;
}

function isOver({ state }: StepProgress): boolean {
  return state === "succeeded" || state === "failed" || state === "skipped" || state === "cancelled";
}

interface Ending {
  readonly reason: SessionEndReason;
  readonly message: string | null;
  /** Whether this counts, whatever the runner had announced; what somebody did counts more. */
  readonly isCertain: boolean;
}

function endingOf(step: StepProgress, run: RunChange): Ending {
  const { message } = step;
  switch (step.state) {
    case "succeeded":
      return { reason: "finished", message: null, isCertain: false };
    case "cancelled":
      if (run.progress.reason === "timeout") return { reason: "timed_out", message, isCertain: true };
      return { reason: "cancelled", message, isCertain: false };
    case "failed":
      if (step.reason === "timeout") return { reason: "timed_out", message, isCertain: true };
      if (step.reason === "runner_lost" || step.reason === "interrupted")
        return { reason: "runner_lost", message, isCertain: true };
      return { reason: "step_failed", message, isCertain: false };
    case "skipped":
    case "pending":
    case "ready":
    case "delayed":
    case "running":
    case "waiting":
      return { reason: "step_failed", message, isCertain: false };
  }
}

/** Reasons that are no failure. There is no state for what somebody stopped: it is over, and the reason says how. */
const GOOD: ReadonlySet<SessionEndReason> = new Set(["finished", "closed", "inactive", "stopped"]);

function end(change: SessionChange, ending: Ending, now: number): void {
  const { row, progress } = change;
  const isDecided = isEndedBySomebody(progress) || !ending.isCertain;
  const reason = (isDecided ? progress.reason : null) ?? ending.reason;
  const message = progress.message ?? ending.message;
  progress.reason = reason;
  progress.message = message;
  progress.queue = [];
  row.ended_at = now;
  const facts = { reason, ...(message === null ? {} : { message }) };
  if (reason === "timed_out") {
    moveSession(change, "expire");
    tell(change, "session.timed_out", facts);
  } else if (GOOD.has(reason)) {
    moveSession(change, canMove(change, "complete") ? "complete" : "fail");
    tell(change, "session.completed", facts);
  } else {
    moveSession(change, "fail");
    tell(change, "session.failed", facts);
  }
  setSessionTimer(change, "session.forget", row.id, now + progress.terms.dataTtlMs);
}
