import { createHash } from "node:crypto";

import { APPROVAL_HASH_PREFIX, canonicalJson, findTool, limit, ManualGateInputsSchema, readSteps, toTimestamp, type FailureReason, type GateContent } from "@signalbox/protocol";

import { gateIdOf } from "../../derived-ids.ts";
import type { PlannedStep, RunRow, StepRow } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { moveRun, moveStep, record, setTimerRow, type RunChange } from "./run-change.ts";

/**
 * After steps have changed: lets begin what can begin, skips what a failure cut off, opens gates, and ends the run
 * when nothing is left. A run that somebody wants cancelled begins nothing more.
 */
export function* advanceRun(change: RunChange, now: number): Generator<Statement, void, unknown> {
  const reading = readSteps(change.steps.map((step) => ({ name: step.name, needs: needsOf(step), state: step.state, cutOff: step.cut_off === 1 })));
  for (const name of reading.unreachable) cutOff(change, stepNamed(change, name), now);
  for (const name of reading.ready) yield* begin(change, stepNamed(change, name), now);
  if (reading.outcome !== "going") endRun(change, reading.outcome, now);
}

/** The plan of a step. */
export function definitionOf(step: StepRow): PlannedStep {
  // Written by createRun from a value of this type.
  return JSON.parse(step.definition) as PlannedStep;
}

const NEEDS = new WeakMap<StepRow, readonly string[]>();

function needsOf(step: StepRow): readonly string[] {
  let needs = NEEDS.get(step);
  if (!needs) NEEDS.set(step, (needs = definitionOf(step).needs));
  return needs;
}

function stepNamed(change: RunChange, name: string): StepRow {
  const step = change.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`step ${name} of run ${change.run.id} is not loaded`);
  return step;
}

function cutOff(change: RunChange, step: StepRow, now: number): void {
  moveStep(change, step, "skip");
  step.cut_off = 1;
  step.reason = "needs_failed";
  step.message = "a step that this one needs did not succeed";
  step.ended_at = now;
  record(change, "step.finished", { name: step.name, status: "skipped", reason: "needs_failed", message: step.message });
}

function* begin(change: RunChange, step: StepRow, now: number): Generator<Statement, void, unknown> {
  if (findTool(step.tool)?.doneBy === "person") yield* openGate(change, step, now);
  else moveStep(change, step, "ready");
}

const INSERT_GATE = `INSERT INTO gates (id, org_id, run_id, step_idx, state, content, content_hash, requested_at, expires_at)
  VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`;

function* openGate(change: RunChange, step: StepRow, now: number): Generator<Statement, void, unknown> {
  const { run: row } = change;
  const inputs = ManualGateInputsSchema.parse(definitionOf(step).inputs);
  const expiresAt = now + (inputs.expiresInMs ?? limit("gate.expiresMs"));
  const gateId = gateIdOf(row.id, step.idx);
  const content: GateContent = {
    v: 1,
    orgId: row.org_id,
    projectId: row.project_id,
    runId: row.id,
    step: step.name,
    description: inputs.description ?? `${row.goal}: ${step.name}`,
    approvers: inputs.approvers ?? [],
    expiresAt: toTimestamp(expiresAt),
    guards: guardedBy(change, step),
  };
  const text = canonicalJson(content);
  const contentHash = createHash("sha256").update(APPROVAL_HASH_PREFIX + text).digest("hex");

  moveStep(change, step, "ask");
  step.started_at = now;
  setTimerRow(change, "gate.expire", gateId, expiresAt);
  yield* run(INSERT_GATE, gateId, row.org_id, row.id, step.idx, text, contentHash, now, expiresAt);
  record(change, "gate.pending", {
    name: step.name, gateId, gate_id: gateId, description: content.description, approvers: content.approvers, contentHash, expiresAt: content.expiresAt,
  });
}

/** The definitions of all steps behind a gate, as they will run. */
function guardedBy(change: RunChange, gate: StepRow): Record<string, unknown>[] {
  const behind = new Set([gate.name]);
  const guards: Record<string, unknown>[] = [];
  for (const step of change.steps) {
    if (!needsOf(step).some((need) => behind.has(need))) continue;
    behind.add(step.name);
    guards.push({ ...definitionOf(step) });
  }
  return guards;
}

function endRun(change: RunChange, outcome: "succeeded" | "failed" | "cancelled", now: number): void {
  const { run: row } = change;
  const culprit = change.steps.find((step) => step.state === "failed");
  const ending = endingOf(row, outcome);
  row.ended_at = now;
  const facts = { goal: row.goal, duration: now - row.created_at, steps_count: row.steps_total };
  if (ending === "cancelled") {
    moveRun(change, "cancel");
    row.reason = row.reason ?? "cancelled";
    record(change, "run.cancelled", { ...facts, reason: row.reason, ...(row.message === null ? {} : { message: row.message }) });
  } else if (ending === "failed") {
    moveRun(change, "fail");
    const reason: FailureReason = row.reason ?? culprit?.reason ?? "runtime_error";
    row.reason = reason;
    row.message = row.message ?? `step ${culprit?.name ?? "?"} failed: ${culprit?.message ?? reason}`;
    record(change, "run.failed", { ...facts, error: row.message, reason });
  } else {
    // A plan whose steps are all gates never had a runner start one.
    if (row.state === "queued") startRun(change, now);
    moveRun(change, "succeed");
    // A wish to cancel that came too late is no reason for anything.
    row.reason = null;
    row.message = null;
    record(change, "run.succeeded", facts);
  }
}

/** A run that was stopped because its time was over has failed; one that somebody wanted stopped is cancelled. */
function endingOf(row: RunRow, outcome: "succeeded" | "failed" | "cancelled"): "succeeded" | "failed" | "cancelled" {
  if (outcome === "succeeded" || row.cancel_requested_at === null) return outcome;
  return row.reason === "timeout" ? "failed" : "cancelled";
}

/** Marks the first start. */
export function startRun(change: RunChange, now: number): void {
  const row: RunRow = change.run;
  if (row.state !== "queued") return;
  moveRun(change, "start");
  row.started_at = now;
  record(change, "run.started", {});
}
