import { createHash } from "node:crypto";

import {
  APPROVAL_HASH_PREFIX,
  canonicalJson,
  findTool,
  limit,
  ManualGateInputsSchema,
  readSteps,
  toTimestamp,
  type FailureReason,
  type GateContent,
} from "@signalbox/protocol";

import { gateIdOf } from "../../derived-ids.ts";
import type { PlannedStep, RunHeader, StepProgress } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { ruleFor } from "../access/decision-rule.ts";
import { moveRun, moveStep, plannedStep, planOf, record, setTimerRow, type RunChange } from "./run-change.ts";

/**
 * After steps have changed: lets begin what can begin, skips what a failure cut off, opens gates, and ends the run
 * when nothing is left. A run that somebody wants cancelled has nothing left to begin.
 */
export function* advanceRun(change: RunChange, now: number): Generator<Statement, void, unknown> {
  const reading = readSteps(change.progress.steps);
  for (const name of reading.unreachable) cutOff(change, stepNamed(change, name), now);
  for (const name of reading.ready) yield* begin(change, stepNamed(change, name), now);
  if (reading.outcome !== "going") endRun(change, reading.outcome, now);
}

function stepNamed(change: RunChange, name: string): StepProgress {
  const step = change.progress.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`run ${change.id} has no step ${name}`);
  return step;
}

function cutOff(change: RunChange, step: StepProgress, now: number): void {
  moveStep(change, step, "skip");
  step.cutOff = true;
  step.reason = "needs_failed";
  step.message = "a step that this one needs did not succeed";
  step.endedAt = now;
  record(change, "step.finished", {
    name: step.name,
    status: "skipped",
    reason: "needs_failed",
    message: step.message,
  });
}

function* begin(change: RunChange, step: StepProgress, now: number): Generator<Statement, void, unknown> {
  if (findTool(step.tool)?.doneBy === "person") yield* openGate(change, step, now);
  else moveStep(change, step, "ready");
}

const INSERT_GATE = `INSERT INTO gates (id, org_id, run_id, step_idx, state, content, content_hash, requested_at, expires_at)
  VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`;

function* openGate(change: RunChange, step: StepProgress, now: number): Generator<Statement, void, unknown> {
  const index = change.progress.steps.indexOf(step);
  const inputs = ManualGateInputsSchema.parse((yield* plannedStep(change, step)).inputs);
  const expiresAt = now + (inputs.expiresInMs ?? limit("gate.expiresMs"));
  const gateId = gateIdOf(change.id, index);
  const content: GateContent = {
    v: 1,
    orgId: change.orgId,
    projectId: change.projectId,
    runId: change.id,
    step: step.name,
    description: inputs.description ?? `${change.header.goal}: ${step.name}`,
    ...(yield* ruleFor({
      orgId: change.orgId,
      projectId: change.projectId,
      requesters: requestersOf(change.header),
      approvers: inputs.approvers,
    })),
    expiresAt: toTimestamp(expiresAt),
    guards: guardedBy(step.name, yield* planOf(change)),
  };
  const text = canonicalJson(content);
  const contentHash = createHash("sha256")
    .update(APPROVAL_HASH_PREFIX + text)
    .digest("hex");

  moveStep(change, step, "ask");
  step.startedAt = now;
  setTimerRow(change, "gate.expire", gateId, expiresAt);
  yield* run(INSERT_GATE, gateId, change.orgId, change.id, index, text, contentHash, now, expiresAt);
  record(change, "gate.pending", {
    name: step.name,
    gateId,
    gate_id: gateId,
    description: content.description,
    approvers: content.approvers,
    ...(content.selfApproval === undefined ? {} : { selfApproval: content.selfApproval }),
    contentHash,
    expiresAt: content.expiresAt,
  });
}

function requestersOf({ createdBy, requesters = [] }: RunHeader): readonly string[] {
  return [createdBy, ...requesters];
}

/** The definitions of all steps behind a gate, as they will run. */
function guardedBy(gate: string, plan: readonly PlannedStep[]): Record<string, unknown>[] {
  const behind = new Set([gate]);
  const guards: Record<string, unknown>[] = [];
  for (const step of plan) {
    if (!step.needs.some((need) => behind.has(need))) continue;
    behind.add(step.name);
    guards.push({ ...step });
  }
  return guards;
}

type Ending = "succeeded" | "failed" | "cancelled";

function endRun(change: RunChange, outcome: Ending, now: number): void {
  const { header, progress } = change;
  const facts = { goal: header.goal, duration: now - header.createdAt, steps_count: progress.steps.length };
  progress.endedAt = now;
  switch (endingOf(change, outcome)) {
    case "cancelled":
      moveRun(change, "cancel");
      progress.reason ??= "cancelled";
      record(change, "run.cancelled", {
        ...facts,
        reason: progress.reason,
        ...(progress.message === null ? {} : { message: progress.message }),
      });
      return;
    case "failed": {
      moveRun(change, "fail");
      const culprit = progress.steps.find((step) => step.state === "failed");
      const reason: FailureReason = (progress.reason ??= culprit?.reason ?? "runtime_error");
      progress.message ??= `step ${culprit?.name ?? "?"} failed: ${culprit?.message ?? reason}`;
      record(change, "run.failed", { ...facts, error: progress.message, reason });
      return;
    }
    case "succeeded":
      // A plan whose steps are all gates never had a runner start one.
      startRun(change, now);
      moveRun(change, "succeed");
      // A wish to cancel that came too late is no reason for anything.
      progress.reason = null;
      progress.message = null;
      record(change, "run.succeeded", facts);
  }
}

/** A run that was stopped because its time was over has failed; one that somebody wanted stopped is cancelled. */
function endingOf({ progress }: RunChange, outcome: Ending): Ending {
  if (outcome === "succeeded" || progress.cancelRequestedAt === null) return outcome;
  return progress.reason === "timeout" ? "failed" : "cancelled";
}

/** Marks the first start. */
export function startRun(change: RunChange, now: number): void {
  if (change.state !== "queued") return;
  moveRun(change, "start");
  change.progress.startedAt = now;
  record(change, "run.started", {});
}
