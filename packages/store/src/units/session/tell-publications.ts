import {
  isFinal,
  limit,
  PublishInputsSchema,
  PublishOutputsSchema,
  STEP_TRANSITIONS,
  type PublishInputs,
} from "@signalbox/protocol";

import { gateIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { PlannedStep, SessionRow, StepProgress } from "../../rows.ts";
import { get, type Statement } from "../../unit.ts";
import type { Origin } from "../events.ts";
import type { RunChange } from "../run/run-change.ts";
import { standingOf } from "./follow-step.ts";
import { changeOf, saveSession, tell, type SessionChange, type SessionOutcome } from "./session-change.ts";

const SELECT_SESSION = "SELECT * FROM sessions WHERE id = ?";

/** Whether a step publishes what an agent changed. */
export function isPublication({ tool }: Pick<StepProgress, "tool">): boolean {
  return tool === "publish";
}

/** Tells sessions, also those that are over, what somebody wants to publish of them and what comes of it. */
export function* tellPublications(
  run: RunChange,
  origin: Origin,
  plannedStep: (change: RunChange, step: StepProgress) => Generator<Statement, PlannedStep, unknown>,
): Generator<Statement, SessionOutcome[], unknown> {
  const outcomes: SessionOutcome[] = [];
  for (const step of run.progress.steps) {
    if (!isPublication(step) || run.standings.get(step) === standingOf(step)) continue;
    const isNew = !run.standings.has(step);
    if (!isNew && !isFinal(STEP_TRANSITIONS, step.state)) continue;
    const { inputs: planned, gates } = yield* plannedStep(run, step);
    const inputs = PublishInputsSchema.parse(planned);
    const row = yield* get<SessionRow>(SELECT_SESSION, inputs.sessionId);
    // What is forgotten is told nothing.
    if (row?.org_id !== run.orgId) continue;
    const change = changeOf(row);
    if (isNew) noteRequest(change, run.id, inputs, gateIdOf(run.id, gates[0] ?? 0));
    else noteEnd(change, run, step, inputs);
    outcomes.push(yield* saveSession(change, origin));
  }
  return outcomes;
}

function noteRequest(change: SessionChange, runId: string, inputs: PublishInputs, approvalId: string): void {
  const { row, progress } = change;
  const before = progress.publications ?? [];
  const most = limit("publish.perSession");
  if (before.length >= most)
    throw new UnitRefusal(
      "INVALID_STATE",
      `${before.length} publications were asked for of session ${row.id} already`,
      {
        limit: most,
      },
    );
  progress.publications = [...before, runId];
  const { remote, branch, tree, diffHash, document, stats, takenAt, pullRequest } = inputs;
  const openPr = pullRequest !== null;
  const shown = { tree, diffHash, document, stats, takenAt, openPr };
  tell(change, "publish.requested", { runId, remote, branch, approvalId, ...shown });
}

function noteEnd(change: SessionChange, run: RunChange, step: StepProgress, { remote, branch }: PublishInputs): void {
  const about = { runId: run.id, remote, branch };
  if (step.state === "succeeded") {
    // Said by a machine of the fleet.
    const { commit, pullRequest } = PublishOutputsSchema.safeParse(step.outputs).data ?? {};
    tell(change, "publish.succeeded", {
      ...about,
      ...(commit === undefined ? {} : { commit }),
      ...(pullRequest ? { pullRequestUrl: pullRequest.url } : {}),
    });
    return;
  }
  // The step itself may only have been cut off, by a gate that did not open.
  const culprit = run.progress.steps.find(({ state }) => state === "failed") ?? step;
  const reason = culprit.reason ?? run.progress.reason ?? "cancelled";
  tell(change, "publish.failed", { ...about, reason, message: culprit.message ?? run.progress.message ?? reason });
}
