import {
  AgentInputsSchema,
  BudgetQuestionSchema,
  extended,
  shareUsed,
  type ApprovalContent,
  type Budget,
  type BudgetQuestion,
  type Usage,
} from "@signalbox/protocol";

import type { ApprovalRow } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import { loadLedger, saveLedger } from "../run/ledger-row.ts";
import { extendRunBudget, refuseBudget, tellExhausted } from "../run/run-budget.ts";
import type { RunOutcome } from "../run/run-change.ts";
import { draw, mayGoOn, wait, type RunLedger } from "../run/run-ledger.ts";
import { openApproval } from "./approvals.ts";
import { EXTEND_RUN_BUDGET, goOn } from "./held-back.ts";
import { close } from "./session-queue.ts";
import { command, type SessionChange } from "./session-change.ts";

const EXTEND_BUDGET = "extend_budget";

/** Stops the turn of an agent that has used up its session's budget, and asks whether it may have as much again. */
export function* holdToBudget(change: SessionChange, origin: Origin): Generator<Statement, void, unknown> {
  const { progress } = change;
  if (!progress.budget || shareUsed(progress.usage, progress.budget) < 1 || progress.overBudget) return;
  stopTurn(change);
  yield* askForMore(change, origin, {
    action: EXTEND_BUDGET,
    description: "The budget is used up. Yes lets the agent use as much again; no ends the session.",
    budget: progress.budget,
    usage: progress.usage,
    more: ownBudget(change),
  });
}

/** Draws on the run's budget, and stops the turn of an agent for which nothing is left of it. What to tell of the run then. */
export function* drawFromRun(
  change: SessionChange,
  more: Usage,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const { row, progress } = change;
  const before = yield* loadLedger(row.run_id);
  // Its attempt was leased by a version that kept none, and nothing bounds it.
  if (!before) return undefined;
  const ledger = draw(before, row.step_idx, more);
  if (progress.overBudget || mayGoOn(ledger, row.step_idx)) {
    yield* saveLedger(row.run_id, ledger);
    return undefined;
  }
  stopTurn(change);
  yield* waitForRun(change, ledger, origin);
  return yield* tellExhausted(row.run_id, row.step_idx, ledger, origin);
}

function stopTurn(change: SessionChange): void {
  change.progress.overBudget = true;
  command(change, { kind: "interrupt" });
}

/** Lets a session wait for its run's budget, and asks for more of it. */
export function* waitForRun(
  change: SessionChange,
  ledger: RunLedger,
  origin: Origin,
): Generator<Statement, void, unknown> {
  yield* saveLedger(change.row.run_id, wait(ledger, change.row.step_idx));
  yield* askForMore(change, origin, {
    action: EXTEND_RUN_BUDGET,
    description: "The run's budget is used up. Yes lets its agents use as much again; no ends this session.",
    budget: ledger.budget ?? {},
    usage: ledger.used,
    more: ledger.share ?? {},
  });
}

function* askForMore(
  change: SessionChange,
  origin: Origin,
  about: BudgetQuestion & { readonly action: string; readonly description: string },
): Generator<Statement, void, unknown> {
  const { action, description, ...context } = about;
  yield* openApproval(
    change,
    { kind: "budget", action, description, context, questions: null, origin: null },
    { ...origin, expiresInMs: change.progress.terms.approvalMs },
  );
}

/** What an answer to such a question leads to in the session itself. */
export function* followInSession(
  change: SessionChange,
  { action, context }: ApprovalContent,
  isYes: boolean,
  origin: Origin,
): Generator<Statement, void, unknown> {
  const { row, progress } = change;
  if (!isYes) {
    // A runner is told to end the agent; without one there is only the reason to keep.
    if (progress.attemptId === null) progress.reason ??= "budget_exhausted";
    else close(change, "budget_exhausted");
    return;
  }
  // What the run allows, it allows to all that wait: see followInRun.
  if (action === EXTEND_RUN_BUDGET) return;
  if (progress.budget) progress.budget = extended(progress.budget, progress.usage, moreOf(context));
  const ledger = yield* loadLedger(row.run_id);
  if (ledger && !mayGoOn(ledger, row.step_idx)) yield* waitForRun(change, ledger, origin);
  else goOn(change);
}

/** What it leads to in the run; to be called when the session has been saved. */
export function* followInRun(
  { row, progress }: SessionChange,
  { content }: Pick<ApprovalRow, "content">,
  isYes: boolean,
  origin: Origin,
): Generator<Statement, RunOutcome | undefined, unknown> {
  const { kind, action, context } = JSON.parse(content) as ApprovalContent;
  if (kind !== "budget") return undefined;
  if (action === EXTEND_RUN_BUDGET && isYes) return yield* extendRunBudget(row.run_id, moreOf(context), origin);
  if (!isYes && progress.attemptId === null) {
    const message = "the budget is used up, and nobody allowed more";
    return yield* refuseBudget(row.run_id, row.step_idx, message, origin);
  }
  const ledger = isYes && progress.overBudget ? yield* loadLedger(row.run_id) : undefined;
  return ledger && (yield* tellExhausted(row.run_id, row.step_idx, ledger, origin));
}

function ownBudget({ row }: SessionChange): Budget {
  return AgentInputsSchema.parse(JSON.parse(row.inputs)).budget ?? {};
}

/** A yes is to what was shown. */
function moreOf(context: ApprovalContent["context"]): Budget {
  return BudgetQuestionSchema.parse(context).more;
}
