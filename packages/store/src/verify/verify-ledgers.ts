import { addUsage, BUDGET_COUNTS, countOf, isAgentTool, NO_USAGE, type FoldedRun } from "@signalbox/protocol";

import { sessionIdOf } from "../derived-ids.ts";
import type { SessionProgress, SessionRow } from "../rows.ts";
import { get, type Statement } from "../unit.ts";
import { loadLedger } from "../units/run/ledger-row.ts";
import type { StoredRun } from "./compare-run.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

const SELECT_SESSION = "SELECT progress FROM sessions WHERE id = ?";

// Costs are added up in another order than they came in.
const TOLERANCE = 1e-6;

/** What a run's agents used is what its sessions say, its budget is what was granted, and only live attempts hold a part of it. */
export function* verifyLedger(
  { row, header, progress, plan }: StoredRun,
  folded: FoldedRun,
  { findings }: VerifyContext,
  seen: Seen,
): Generator<Statement, void, unknown> {
  if (!plan.some(({ tool }) => isAgentTool(tool))) return;
  const ledger = yield* loadLedger(row.id);
  if (!ledger) return;
  seen.ledgers += 1;
  const granted = folded.budget ?? header.budget ?? {};
  for (const count of BUDGET_COUNTS) {
    if (granted[count] !== ledger.budget?.[count])
      findings.problem(
        "state",
        row.id,
        `the run may use ${ledger.budget?.[count]} ${count}; its events say ${granted[count]}`,
      );
  }
  const live = progress.steps.flatMap(({ live, tool }, index) => (live !== null && isAgentTool(tool) ? [index] : []));
  if (Object.keys(ledger.held).join() !== live.join())
    findings.problem(
      "state",
      row.id,
      `steps ${Object.keys(ledger.held).join()} hold a part of the budget, and steps ${live.join()} a runner`,
    );

  let used = NO_USAGE;
  for (const [index, step] of progress.steps.entries()) {
    if (step.sessionId === undefined) continue;
    const session = yield* get<Pick<SessionRow, "progress">>(SELECT_SESSION, sessionIdOf(row.id, index));
    // Forgotten sessions have been counted, and can be no more.
    if (!session) return;
    used = addUsage(used, (JSON.parse(session.progress) as SessionProgress).usage);
  }
  for (const count of BUDGET_COUNTS) {
    const [stored, told] = [countOf(ledger.used, count), countOf(used, count)];
    if (Math.abs(stored - told) > TOLERANCE)
      findings.problem("state", row.id, `the run used ${stored} ${count}; its sessions say ${told}`);
  }
}
