import { GATE_TRANSITIONS, nextState, SYSTEM_ACTOR, type Actor, type GateContent } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { GateRow, StepProgress } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Idempotency } from "../idempotency.ts";
import { hashOfApproval } from "../session/approvals.ts";
import { advanceRun, startRun } from "./advance-run.ts";
import { followAgain } from "./gate-again.ts";
import {
  invalidState,
  loadRun,
  moveStep,
  outcomeOf,
  record,
  saveRun,
  type RunChange,
  type RunOutcome,
} from "./run-change.ts";

export interface ResolveGateArgs {
  readonly gateId: string;
  readonly orgId: string;
  readonly move: "approve" | "deny" | "expire";
  readonly note?: string | undefined;
  /** When given, the decision counts only for this content. */
  readonly contentHash?: string | undefined;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

const SELECT_GATE = "SELECT * FROM gates WHERE id = ?";
const DECIDE_GATE =
  "UPDATE gates SET state = ?, decided_at = ?, decided_by = ?, note = ? WHERE id = ? AND state = 'pending'";

/**
 * Records the first answer to a gate and lets the run go on from it. The same answer again is fine; another one is
 * an `INVALID_STATE` refusal. After its time a gate can only expire, whoever is first to notice.
 */
export function resolveGate(args: ResolveGateArgs): Generator<Statement, RunOutcome, unknown> {
  return once(args, decideGate);
}

function* decideGate(args: ResolveGateArgs): Generator<Statement, RunOutcome, unknown> {
  const gate = yield* get<GateRow>(SELECT_GATE, args.gateId);
  if (!gate || gate.org_id !== args.orgId)
    throw new UnitRefusal("GATE_NOT_FOUND", `there is no gate ${args.gateId}`, { gateId: args.gateId });
  if (args.contentHash !== undefined && args.contentHash !== gate.content_hash) {
    throw new UnitRefusal("CONTENT_CHANGED", `gate ${gate.id} asks for ${gate.content_hash}, not ${args.contentHash}`, {
      contentHash: gate.content_hash,
    });
  }
  const change = yield* loadRun(gate.run_id);
  const to = nextState(GATE_TRANSITIONS, gate.state, args.move);
  if (!to) {
    if (gate.state === GATE_TRANSITIONS.pending[args.move]) return yield* outcomeOf(change);
    throw invalidState(`gate ${gate.id}`, gate.state, args.move);
  }
  if (args.move !== "expire" && gate.expires_at <= args.now) {
    throw new UnitRefusal("INVALID_STATE", `gate ${gate.id} expired; that means no`, {
      state: "expired",
      move: args.move,
    });
  }
  if (args.move === "approve") {
    requireUntouched(gate);
    requireUnchanged(gate, change);
  }
  const step = change.progress.steps[gate.step_idx];
  if (!step) throw new Error(`gate ${gate.id} has no step`);

  const by = args.move === "expire" ? SYSTEM_ACTOR : args.actor;
  yield* run(DECIDE_GATE, to, args.now, `${by.kind}:${by.id}`, args.note ?? null, gate.id);
  const about = { name: step.name, gateId: gate.id };
  const note = args.note === undefined ? {} : { note: args.note };
  if (args.move === "approve") record(change, "gate.approved", { ...about, ...note });
  else if (args.move === "deny") record(change, "gate.denied", { ...about, ...note });
  else record(change, "gate.expired", about);

  if (step.state === "waiting") endStep(change, step, args);
  else yield* followAgain(change, gate.step_idx, args);
  yield* advanceRun(change, args.now);
  return yield* saveRun(change, { now: args.now, actor: by });
}

/** The answer is the end of the gate's own step. */
function endStep(change: RunChange, step: StepProgress, args: ResolveGateArgs): void {
  startRun(change, args.now);
  moveStep(change, step, args.move);
  step.endedAt = args.now;
  if (args.move !== "approve") {
    step.reason = args.move === "deny" ? "gate_denied" : "gate_expired";
    step.message = args.note ?? (args.move === "deny" ? "somebody said no" : "nobody answered in time");
  }
  record(change, "step.finished", {
    name: step.name,
    status: args.move === "approve" ? "succeeded" : "failed",
    ...(step.reason === null ? {} : { reason: step.reason }),
    ...(step.message === null ? {} : { message: step.message }),
  });
}

/** A yes is to what was asked, of whom it was asked: a row that somebody has changed since takes none. */
function requireUntouched({ id, content, content_hash: asked }: GateRow): void {
  const contentHash = hashOfApproval(content);
  if (contentHash === asked) return;
  throw new UnitRefusal("CONTENT_CHANGED", `gate ${id} was changed since it was asked`, { contentHash });
}

/** A yes is to the workspace whose diff was shown; no step may have changed it since. */
function requireUnchanged({ id, content }: GateRow, { id: runId, progress }: RunChange): void {
  // Written by the unit that opened it.
  const { changes } = JSON.parse(content) as GateContent;
  if (!changes || changes.manifest === progress.manifest) return;
  const message = `the workspace of run ${runId} has changed since gate ${id} showed it`;
  throw new UnitRefusal("CONTENT_CHANGED", message, { asked: changes.manifest, manifest: progress.manifest });
}
