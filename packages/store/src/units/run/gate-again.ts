import type { FailureReason, GateContent } from "@signalbox/protocol";

import { gateIdOf, idRangeOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { GateRow, StepProgress } from "../../rows.ts";
import { get, type Statement } from "../../unit.ts";
import { whyLapsed } from "../access/decision-rule.ts";
import { askGate, supersedeGate } from "./ask-gate.ts";
import { moveStep, noteReadiness, planOf, record, type RunChange } from "./run-change.ts";

/** A gate that an envelope names, with the hash that must have been approved. */
export interface NamedApproval {
  readonly gateId: string;
  readonly contentHash: string;
}

const SELECT_GATE = "SELECT * FROM gates WHERE id = ?";

/**
 * Looks once more at the gates that let a step through, in the commit that leases it. Whoever said yes must be able to say it
 * still: else the gate is superseded and asked again, and the step waits, with all that stands behind that gate and has not
 * begun. True: the step is not to be leased now. A gate that never said yes to this content is a refusal.
 */
export function* isHeldByGates(
  change: RunChange,
  step: StepProgress,
  approvals: readonly NamedApproval[],
  now: number,
): Generator<Statement, boolean, unknown> {
  let isHeld = false;
  for (const approval of approvals) {
    const gate = yield* get<GateRow>(SELECT_GATE, approval.gateId);
    if (gate?.content_hash !== approval.contentHash) throw notApproved(approval);
    const standing = yield* standingOf(change, gate, now);
    if (standing === undefined) throw notApproved(approval);
    if (standing === "denied" || standing === "expired") {
      refuseStep(change, step, standing, gate.note, now);
      return true;
    }
    isHeld ||= standing === "asked";
  }
  return isHeld;
}

function notApproved({ gateId }: NamedApproval): UnitRefusal {
  return new UnitRefusal("CONTENT_CHANGED", `gate ${gateId} did not approve this content`, { gateId });
}

/** Undefined: it stands as no gate can, behind which a step is ready. */
function* standingOf(
  change: RunChange,
  gate: GateRow,
  now: number,
): Generator<Statement, "approved" | "asked" | "denied" | "expired" | undefined, unknown> {
  if (gate.state === "approved") {
    // Written by askGate.
    const rule = JSON.parse(gate.content) as GateContent;
    const lapsed = yield* whyLapsed(gate.decided_by, rule, { orgId: change.orgId, now });
    if (!lapsed) return "approved";
    yield* askAgain(change, gate, lapsed.message, now);
    return "asked";
  }
  // The first time it is asked nothing behind it is ready.
  if (gate.id === gateIdOf(change.id, gate.step_idx)) return undefined;
  if (gate.state === "pending") return "asked";
  return gate.state === "denied" || gate.state === "expired" ? gate.state : undefined;
}

const COUNT_GATES = "SELECT COUNT(*) AS count FROM gates WHERE id >= (SELECT ?) AND id < (SELECT ?) AND step_idx = ?";

function* askAgain(change: RunChange, gate: GateRow, why: string, now: number): Generator<Statement, void, unknown> {
  const { progress } = change;
  const step = progress.steps[gate.step_idx];
  if (!step) throw new Error(`gate ${gate.id} has no step`);
  const [from, to] = idRangeOf("gate", change.id);
  const before = (yield* get<{ count: number }>(COUNT_GATES, from, to, gate.step_idx))?.count ?? 0;
  yield* supersedeGate(change, { id: gate.id, step: step.name }, now);
  const number = before + 1;
  yield* askGate(change, step, now, { number, why: `a yes does not count any more: ${why}` });
  progress.askedAgain = [...(progress.askedAgain ?? []), { index: gate.step_idx, number }];
}

/** What an answer to a gate that was asked again leads to: what waits behind it goes on, or fails. What runs is left to run. */
export function* followAgain(
  change: RunChange,
  index: number,
  answer: { readonly move: "approve" | "deny" | "expire"; readonly note?: string | undefined; readonly now: number },
): Generator<Statement, void, unknown> {
  const { progress } = change;
  progress.askedAgain = (progress.askedAgain ?? []).filter((asked) => asked.index !== index);
  for (const [place, planned] of (yield* planOf(change)).entries()) {
    const step = progress.steps[place];
    if (!step || !planned.gates.includes(index) || step.live !== null) continue;
    if (answer.move === "approve") noteReadiness(change, step);
    else if (step.state === "ready" || step.state === "delayed")
      refuseStep(change, step, answer.move === "deny" ? "denied" : "expired", answer.note ?? null, answer.now);
  }
}

const REFUSALS = {
  denied: { reason: "gate_denied", message: "somebody said no, after a yes that does not count any more" },
  expired: { reason: "gate_expired", message: "nobody answered in time, after a yes that does not count any more" },
} as const satisfies Record<string, { readonly reason: FailureReason; readonly message: string }>;

function refuseStep(
  change: RunChange,
  step: StepProgress,
  because: keyof typeof REFUSALS,
  note: string | null,
  now: number,
): void {
  const { reason, message } = REFUSALS[because];
  if (step.state === "delayed") moveStep(change, step, "ready");
  moveStep(change, step, "fail");
  step.reason = reason;
  step.message = note ?? message;
  step.endedAt = now;
  record(change, "step.finished", { name: step.name, status: "failed", reason, message: step.message });
}

/** The run is over: what was asked again is not asked any more. */
export function* endAskedAgain(change: RunChange, now: number): Generator<Statement, void, unknown> {
  const { askedAgain, steps } = change.progress;
  for (const { index, number } of askedAgain ?? []) {
    const gate = { id: gateIdOf(change.id, index, number), step: steps[index]?.name ?? "" };
    yield* supersedeGate(change, gate, now);
  }
  if (askedAgain) change.progress.askedAgain = [];
}
