import { createHash } from "node:crypto";

import {
  APPROVAL_HASH_PREFIX,
  canonicalJson,
  ChangesOutputsSchema,
  limit,
  ManualGateInputsSchema,
  toTimestamp,
  type GateContent,
  type ShownChanges,
} from "@signalbox/protocol";

import { gateIdOf } from "../../derived-ids.ts";
import type { PlannedStep, RunHeader, StepProgress } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { ruleFor } from "../access/decision-rule.ts";
import { plannedStep, planOf, record, setTimerRow, type RunChange } from "./run-change.ts";

const INSERT_GATE = `INSERT INTO gates (id, org_id, run_id, step_idx, state, content, content_hash, requested_at, expires_at)
  VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`;

/** Asks what a step is to ask, of whom the project names now. `again`: the how-manieth time, and why. */
export function* askGate(
  change: RunChange,
  step: StepProgress,
  now: number,
  again?: { readonly number: number; readonly why: string },
): Generator<Statement, void, unknown> {
  const index = change.progress.steps.indexOf(step);
  const inputs = ManualGateInputsSchema.parse((yield* plannedStep(change, step)).inputs);
  const expiresAt = now + (inputs.expiresInMs ?? limit("gate.expiresMs"));
  const gateId = gateIdOf(change.id, index, again?.number);
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
    ...shownAt(change, step),
    ...(again === undefined ? {} : { again: again.why }),
  };
  const text = canonicalJson(content);
  const contentHash = createHash("sha256")
    .update(APPROVAL_HASH_PREFIX + text)
    .digest("hex");

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
    ...(content.again === undefined ? {} : { again: content.again }),
  });
}

const SUPERSEDE_GATE = "UPDATE gates SET state = 'superseded', decided_at = COALESCE(decided_at, ?) WHERE id = ?";

/** Ends a gate that waits for nobody any more, or whose yes does not count any more. Who had said it stays in its row. */
export function* supersedeGate(
  change: RunChange,
  gate: { readonly id: string; readonly step: string },
  now: number,
): Generator<Statement, void, unknown> {
  yield* run(SUPERSEDE_GATE, now, gate.id);
  record(change, "gate.superseded", { name: gate.step, gateId: gate.id });
}

function requestersOf({ createdBy, requesters = [] }: RunHeader): readonly string[] {
  return [createdBy, ...requesters];
}

/** The changes that the last step before a gate to look at them saw. */
function shownAt({ progress }: RunChange, gate: StepProgress): { readonly changes?: ShownChanges } {
  const before = new Set(gate.needs);
  for (const step of progress.steps.toReversed()) {
    if (!before.has(step.name)) continue;
    for (const need of step.needs) before.add(need);
    if (step.tool !== "changes" || step.state !== "succeeded") continue;
    // Said by a machine of the fleet.
    const outputs = ChangesOutputsSchema.safeParse(step.outputs).data;
    const manifest = step.attempts.at(-1)?.baseManifest ?? null;
    return outputs ? { changes: { ...outputs, step: step.name, manifest } } : {};
  }
  return {};
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
