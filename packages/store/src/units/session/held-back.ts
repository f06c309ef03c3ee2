import type { StepProgress } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import { loadLedger, saveLedger } from "../run/ledger-row.ts";
import type { RunChange } from "../run/run-change.ts";
import { isUsedUp, leave, refund, type RunLedger } from "../run/run-ledger.ts";
import { supersedeApprovals } from "./approvals.ts";
import { command, loadSession, saveSession, type SessionChange, type SessionOutcome } from "./session-change.ts";

/** What is asked for when nothing is left of a run's budget. */
export const EXTEND_RUN_BUDGET = "extend_run_budget";

/** Lets go on what waits for a run's budget: turns that were stopped, and steps that no runner has. Writes the ledger. */
export function* releaseWaiting(
  run: RunChange,
  ledger: RunLedger,
  origin: Origin,
): Generator<Statement, SessionOutcome[], unknown> {
  const outcomes: SessionOutcome[] = [];
  for (const index of ledger.waiting) {
    const step = run.progress.steps[index];
    if (!step || step.endedAt !== null) continue;
    if (step.state === "ready" && step.live === null) run.ready.add(step);
    if (step.sessionId === undefined) continue;
    const change = yield* loadSession(step.sessionId);
    yield* supersedeApprovals(change, ({ action, kind }) => kind === "budget" && action === EXTEND_RUN_BUDGET, origin);
    // One that was refused more is on its way out, whatever others are allowed.
    if (change.progress.overBudget && change.progress.reason === null) goOn(change);
    outcomes.push(yield* saveSession(change, origin));
  }
  yield* saveLedger(run.id, { ...ledger, waiting: [] });
  return outcomes;
}

/** The turn that a budget stopped may go on. One that came to its own end before it could be stopped is not gone on with. */
export function goOn(change: SessionChange): void {
  const { progress } = change;
  const continues = progress.idle?.status !== "completed";
  progress.overBudget = false;
  if (progress.attemptId === null) progress.wasWorking ||= continues && progress.isTaskHeard;
  else command(change, { kind: "resume", continues });
}

/** Gives back what attempts that are over had put aside and not used; what waits for it goes on, where something is left. */
export function* refundEnded(run: RunChange, origin: Origin): Generator<Statement, SessionOutcome[], unknown> {
  if (!run.progress.steps.some((step) => hasLetGo(run, step))) return [];
  const before = yield* loadLedger(run.id);
  if (!before) return [];
  let ledger = before;
  for (const [index, step] of run.progress.steps.entries()) {
    if (step.endedAt !== null) ledger = leave(ledger, index);
    else if (step.live === null) ledger = refund(ledger, index);
  }
  if (ledger.waiting.length > 0 && !isUsedUp(ledger)) return yield* releaseWaiting(run, ledger, origin);
  yield* saveLedger(run.id, ledger);
  return [];
}

/** Whether a runner held a step with a session when the run was loaded, and holds it no more. */
function hasLetGo(run: RunChange, step: StepProgress): boolean {
  return step.sessionId !== undefined && step.live === null && run.standings.get(step)?.endsWith(":") === false;
}
