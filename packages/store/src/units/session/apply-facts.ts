import {
  type ApprovalContent,
  isFinal,
  limit,
  type SessionCommand,
  type SessionEndReason,
  type SessionFact,
  SessionFactSchema,
  type SessionFactOf,
  SESSION_TRANSITIONS,
  addUsage,
  usageSince,
  NO_USAGE,
} from "@signalbox/protocol";

import type { SessionCommandRow } from "../../rows.ts";
import { all, type Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import type { RunOutcome } from "../run/run-change.ts";
import { findApproval, openApproval, supersedeApprovals } from "./approvals.ts";
import { drawFromRun, holdToBudget } from "./budgets.ts";
import { noteDiff } from "./session-diffs.ts";
import { awaitSomebody, settleTurn, speakNext, steerAgain } from "./session-queue.ts";
import {
  canMove,
  command,
  loadSession,
  moveSession,
  saveSession,
  tell,
  type SessionChange,
  type SessionOutcome,
} from "./session-change.ts";
import { beginsTurn, isEndedBySomebody } from "./stop-meaning.ts";
import { goesOn, handWords, noteHeard, noteTold } from "./unheard-words.ts";

/** Bytes of the stream `session` of an attempt that have just been stored. */
export interface FactsArgs {
  readonly sessionId: string;
  readonly attemptId: string;
  readonly bytes: Uint8Array;
  readonly now: number;
  readonly runnerId: string;
}

/**
 * Reads the lines that are complete now and does what they say, in the commit that stores them. A line that is no fact is passed
 * over: it can only come from a runner that is newer than this server, or broken, and the stream keeps it for whoever looks.
 */
export function* applyFacts(args: FactsArgs): Generator<Statement, SessionOutcome | undefined, unknown> {
  const change = yield* loadSession(args.sessionId);
  const { progress } = change;
  if (progress.attemptId !== args.attemptId || isFinal(SESSION_TRANSITIONS, change.row.state)) return undefined;
  const lines = (progress.partial + Buffer.from(args.bytes).toString("latin1")).split("\n");
  progress.partial = (lines.pop() ?? "").slice(0, limit("session.factBytes"));
  const origin = { now: args.now, actor: { kind: "runner", id: args.runnerId } } as const;
  const facts = lines.map(parseFact).filter((fact) => fact !== undefined);
  let run: RunOutcome | undefined;
  for (const [index, fact] of facts.entries()) {
    // Of totals that follow each other only the last says anything; an agent may tell them as often as it likes.
    if (fact.fact === "usage" && facts[index + 1]?.fact === "usage") continue;
    const told = yield* apply(change, fact, origin);
    run = told ?? run;
  }
  const outcome = yield* saveSession(change, origin);
  return run ? { ...outcome, run } : outcome;
}

// Lines are kept as bytes of latin1 until they are whole, so that no character is cut in two.
function parseFact(line: string): SessionFact | undefined {
  try {
    return SessionFactSchema.safeParse(JSON.parse(Buffer.from(line, "latin1").toString("utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Does what a fact says; tells what follows for the run, where something does. */
function* apply(
  change: SessionChange,
  fact: SessionFact,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined | void, unknown> {
  switch (fact.fact) {
    case "ready":
      return beReady(change, fact, origin);
    case "taken":
      return yield* noteTaken(change, fact.seq, origin);
    case "steered":
      return noteTold(change, "steer");
    case "heard":
      return noteHeard(change);
    case "turn_started":
      noteTold(change, "turn");
      change.progress.isWorking = true;
      change.progress.idle = null;
      change.progress.turns += 1;
      return tell(change, "turn.started", { turn: change.progress.turns });
    case "turn_ended":
      return yield* endTurn(change, fact, origin);
    case "asked":
      return yield* ask(change, fact, origin);
    case "withdrawn":
      return yield* supersedeApprovals(change, (content) => content.origin?.requestId === fact.requestId, origin);
    case "refused":
      return yield* noteRefusal(change, fact);
    case "denied":
      return tell(change, "tool.denied", { action: fact.action, description: fact.description });
    case "usage":
      return yield* noteUsage(change, fact, origin);
    case "diff":
      return noteDiff(change, fact, origin.now);
    case "diff_failed":
      return tell(change, "diff.failed", { requestId: fact.requestId, message: fact.message });
    case "ended":
      return noteEnd(change, fact);
  }
}

/** Ends that explain why a turn failed just before them. */
const EXPLAINING: ReadonlySet<SessionEndReason> = new Set(["agent_crashed", "protocol_error"]);

/** The first reason counts, but for a failed turn that was only the sign of a failed agent. */
function noteEnd({ progress }: SessionChange, { reason, message }: SessionFactOf<"ended">): void {
  if (progress.reason === "agent_failed" && EXPLAINING.has(reason)) {
    progress.reason = null;
    progress.message = null;
  }
  progress.reason ??= reason;
  progress.message ??= message ?? null;
}

function beReady(change: SessionChange, fact: SessionFactOf<"ready">, { now }: Origin): void {
  const { progress } = change;
  progress.isReady = true;
  progress.nativeSessionId = fact.nativeSessionId ?? progress.nativeSessionId;
  progress.model = fact.model ?? progress.model;
  progress.resumed = fact.resumed ?? null;
  progress.resumeFailure = fact.resumeFailure ?? null;
  progress.hasTerminal = fact.hasTerminal;
  progress.startedAt ??= now;
  if (canMove(change, "start")) moveSession(change, "start");
  tell(change, "session.started", {
    attemptId: progress.attemptId ?? "",
    runnerId: progress.runnerId ?? "",
    ...(fact.nativeSessionId === undefined ? {} : { nativeSessionId: fact.nativeSessionId }),
    ...(fact.resumed === undefined ? {} : { resumed: fact.resumed }),
    ...(fact.resumeFailure === undefined ? {} : { resumeFailure: fact.resumeFailure }),
    ...(fact.model === undefined ? {} : { model: fact.model }),
  });
  if (progress.isPaused && canMove(change, "pause")) return moveSession(change, "pause");
  if (progress.reason !== null) return repeatClose(change, progress.reason);
  beginAgain(change, now);
}

/** Somebody had ended it, or its agent had failed, when it was lost. */
function repeatClose(change: SessionChange, reason: SessionEndReason): void {
  const { message } = change.progress;
  command(change, { kind: "close", reason, ...(message === null ? {} : { message }) });
}

/** The runner itself gives the agent its task, or lets it go on where it was cut off; else what waits is said. */
function beginAgain(change: SessionChange, now: number): void {
  const { progress } = change;
  const kind = progress.isTaskHeard ? "go_on" : "task";
  if (kind === "go_on" && !goesOn(progress)) return speakNext(change) ? undefined : awaitSomebody(change, now);
  handWords(change, { kind });
  progress.wasWorking = false;
  progress.isWorking = true;
  steerAgain(change);
}

const SELECT_TAKEN =
  "SELECT * FROM session_commands WHERE session_id = (SELECT ?) AND seq > ? AND seq <= ? ORDER BY seq";

function* noteTaken(change: SessionChange, seq: number, { now }: Origin): Generator<Statement, void, unknown> {
  const { row, progress } = change;
  const upTo = Math.min(seq, progress.commands);
  if (upTo <= progress.taken) return;
  for (const taken of yield* all<SessionCommandRow>(SELECT_TAKEN, row.id, progress.taken, upTo)) {
    // Written by saveSession.
    const told = JSON.parse(taken.command) as SessionCommand;
    if (told.kind === "prompt" || told.kind === "steer") {
      tell(change, "input.taken", { inputId: told.inputId });
      handWords(change, { kind: told.kind, inputId: told.inputId, text: told.text });
    }
    if (told.kind === "resume" && told.continues) handWords(change, { kind: "go_on" });
    if (beginsTurn(told)) progress.idle = null;
  }
  progress.taken = upTo;
  settleTurn(change, now);
}

function* endTurn(
  change: SessionChange,
  { status, error }: SessionFactOf<"turn_ended">,
  origin: Origin,
): Generator<Statement, void, unknown> {
  const { progress } = change;
  progress.isWorking = false;
  noteHeard(change);
  tell(change, "turn.ended", { turn: progress.turns, status, ...(error === undefined ? {} : { error }) });
  yield* supersedeApprovals(change, (content) => content.origin !== null, origin);
  progress.idle = { status, ...(error === undefined ? {} : { error }) };
  settleTurn(change, origin.now);
}

function* ask(
  change: SessionChange,
  fact: SessionFactOf<"asked">,
  origin: Origin,
): Generator<Statement, void, unknown> {
  const { progress } = change;
  noteHeard(change);
  // Nobody is asked for what cannot go on.
  if (isEndedBySomebody(progress)) return;
  const { requestId, kind, action, description, context, questions } = fact;
  const approvalId = yield* openApproval(
    change,
    {
      kind,
      action,
      description,
      context,
      questions,
      origin: { attemptId: progress.attemptId ?? "", epoch: progress.epoch, requestId },
    },
    { ...origin, expiresInMs: progress.terms.approvalMs },
  );
  if (approvalId !== undefined) return;
  command(change, {
    kind: "answer",
    requestId,
    approvalId: "",
    contentHash: "",
    decision: "deny",
    scope: "once",
    reason: "too many questions of this session wait for an answer",
  });
}

/** The approval stays what it is: somebody did say yes. That nothing came of it is told. */
function* noteRefusal(
  change: SessionChange,
  { approvalId, code, message }: SessionFactOf<"refused">,
): Generator<Statement, void, unknown> {
  const approval = yield* findApproval(approvalId);
  if (approval?.session_id !== change.row.id) return;
  const { action } = JSON.parse(approval.content) as ApprovalContent;
  tell(change, "approval.refused", { approvalId, kind: approval.kind, action, code, message });
}

/** An agent counts from its start; the session, and its run, over all attempts. */
function* noteUsage(
  change: SessionChange,
  fact: SessionFactOf<"usage">,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const { progress } = change;
  // Never less than it was, whatever the agent says.
  const more = usageSince(addUsage(progress.usageBefore ?? NO_USAGE, fact.usage), progress.usage);
  const usage = (progress.usage = addUsage(progress.usage, more));
  tell(change, "usage.updated", { usage });
  yield* holdToBudget(change, origin);
  return yield* drawFromRun(change, more, origin);
}
