import { ATTEMPT_TRANSITIONS, isFinal, RUN_TRANSITIONS, STEP_TRANSITIONS, type FoldedRun } from "@signalbox/protocol";

import { attemptIdOf, gateIdOf } from "../derived-ids.ts";
import type { ArtifactRow, GateRow, PlannedStep, RunHeader, RunProgress, RunRow, StepProgress } from "../rows.ts";
import type { Findings } from "./findings.ts";

/** What is stored of a run beside its events. */
export interface StoredRun {
  readonly row: RunRow;
  readonly header: RunHeader;
  readonly progress: RunProgress;
  readonly plan: readonly PlannedStep[];
  readonly gates: readonly GateRow[];
  readonly artifacts: readonly ArtifactRow[];
}

/** Tells where two that must be the same are not. */
type Differ = (what: string, stored: unknown, told: unknown) => void;

/** Compares what is stored of a run with what its events come to, and with itself. */
export function compareRun(stored: StoredRun, folded: FoldedRun, findings: Findings): void {
  const { row, header, progress } = stored;
  for (const { seq, message } of folded.illegal) findings.problem("move", row.id, `event ${seq}: ${message}`);
  const differ: Differ = (what, one, other) => {
    if (one !== other)
      findings.problem("state", row.id, `${what}: stored is ${String(one)}, the events say ${String(other)}`);
  };
  differ("state of the run", row.state, folded.state);
  differ("end of the run", progress.endedAt !== null, isFinal(RUN_TRANSITIONS, row.state));
  differ("goal of the run", header.goal, folded.goal);
  differ("number of steps", progress.steps.length, folded.steps.length);
  differ("number of planned steps", stored.plan.length, folded.steps.length);
  for (const index of progress.steps.keys()) compareStep(index, stored, folded, differ);
  differ(
    "number of attempts",
    progress.steps.reduce((sum, step) => sum + step.attempts.length, 0),
    folded.attempts.size,
  );
  compareGates(stored, folded, findings, differ);
  for (const { id } of stored.artifacts)
    if (!folded.artifacts.has(id)) findings.problem("artifact", row.id, `artifact ${id} has no event`);
  if (folded.artifacts.size > stored.artifacts.length) {
    findings.problem(
      "artifact",
      row.id,
      `${folded.artifacts.size} artifacts have events, ${stored.artifacts.length} are stored`,
    );
  }
}

function compareStep(index: number, { row, progress, plan }: StoredRun, folded: FoldedRun, differ: Differ): void {
  const step = progress.steps[index];
  const told = folded.steps[index];
  if (!step) return;
  const of = `of step ${step.name}`;
  differ(`name ${of}`, step.name, told?.name);
  differ(`planned name ${of}`, plan[index]?.name, told?.name);
  differ(`tool ${of}`, step.tool, told?.tool);
  differ(`needs ${of}`, step.needs.join(), told?.needs.join());
  // The end of a delay has no event.
  differ(`state ${of}`, step.state, told?.state === "delayed" && step.state === "ready" ? "ready" : told?.state);
  differ(`cut-off ${of}`, step.cutOff, told?.cutOff);
  differ(`attempts ${of}`, step.attempts.length, told?.attempts);
  differ(`failures ${of}`, step.failures, told?.failures);
  differ(`losses ${of}`, step.losses, told?.losses);
  differ(
    `live attempt ${of}`,
    step.live === null ? undefined : attemptIdOf(row.id, index, step.live),
    told?.liveAttempt,
  );
  differ(`end ${of}`, step.endedAt !== null, isFinal(STEP_TRANSITIONS, step.state));
  const won = step.attempts.filter((attempt) => attempt.state === "succeeded").length;
  differ(`winning attempts ${of}`, won, step.state === "succeeded" && step.attempts.length > 0 ? 1 : 0);
  compareAttempts(row.id, index, step, folded, differ);
}

function compareAttempts(runId: string, index: number, step: StepProgress, folded: FoldedRun, differ: Differ): void {
  for (const [place, attempt] of step.attempts.entries()) {
    const id = attemptIdOf(runId, index, attempt.number);
    const told = folded.attempts.get(id);
    const of = `of attempt ${id}`;
    const isOver = isFinal(ATTEMPT_TRANSITIONS, attempt.state);
    differ(`number ${of}`, attempt.number, place + 1);
    differ(`epoch ${of}`, attempt.number, told?.epoch);
    differ(`step ${of}`, step.name, told?.step);
    differ(`state ${of}`, attempt.state, told?.state);
    differ(`runner ${of}`, attempt.runnerId, told?.runnerId);
    differ(`envelope ${of}`, attempt.envelopeHash, told?.envelopeHash);
    differ(`end ${of}`, attempt.endedAt !== null, isOver);
    differ(`life ${of}`, step.live === attempt.number, !isOver);
  }
}

function compareGates(
  { row, progress, gates }: StoredRun,
  folded: FoldedRun,
  findings: Findings,
  differ: Differ,
): void {
  differ("number of gates", gates.length, folded.gates.size);
  for (const gate of gates) {
    const told = folded.gates.get(gate.id);
    const of = `of gate ${gate.id}`;
    differ(`state ${of}`, gate.state, told?.state);
    differ(`step ${of}`, progress.steps[gate.step_idx]?.name, told?.step);
    differ(`content ${of}`, gate.content_hash, told?.contentHash);
    differ(`decision ${of}`, gate.decided_at !== null, gate.state !== "pending");
    const isAgain = progress.askedAgain?.some(
      ({ index, number }) => gate.id === gateIdOf(row.id, index, number) && gate.state === "pending",
    );
    differ(
      `waiting ${of}`,
      gate.state === "pending",
      isAgain === true || progress.steps[gate.step_idx]?.state === "waiting",
    );
    if (gate.state === "pending" && progress.endedAt !== null)
      findings.problem("gate", row.id, `gate ${gate.id} is pending in a run that has ended`);
  }
}
