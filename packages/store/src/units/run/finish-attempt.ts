import { artifactTypeOfKind, FAILURE_REASONS, kindOfPath, type Actor, type AttemptResult, type FailureReason } from "@signalbox/protocol";

import { artifactIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { StepRow } from "../../rows.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import { advanceRun, definitionOf, startRun } from "./advance-run.ts";
import { loadHeldAttempt, moveAttempt, saveEnd, stepOf, type AttemptChange, type HeldAttempt } from "./attempt-change.ts";
import { decideRetry } from "./retry-decision.ts";
import { loadRun, moveStep, record, saveRun, setTimerRow, type RunChange, type RunOutcome } from "./run-change.ts";

export interface FinishAttemptArgs extends HeldAttempt {
  readonly result: AttemptResult;
  /** The run's manifest that the changes of this attempt were merged into, and what came out; absent: no changes. */
  readonly merged?: { readonly from: string | null; readonly to: string; readonly repo: string | null };
  readonly now: number;
}

export interface FinishedAttempt extends RunOutcome {
  /** `duplicate`: the same result had been recorded before. */
  readonly verdict: "applied" | "duplicate";
}

/**
 * Applies what an attempt came to: once, and only while its epoch holds. Output that has not arrived is refused as
 * `INCOMPLETE_OUTPUT`; a workspace that another step changed meanwhile as `CONTENT_CHANGED`, for the caller to merge anew.
 */
export function* finishAttempt(args: FinishAttemptArgs): Generator<Statement, FinishedAttempt, unknown> {
  const attempt = yield* loadHeldAttempt(args);
  const change = yield* loadRun(attempt.run_id);
  const step = stepOf(change, attempt);
  if (attempt.ended_at !== null) return yield* repeated(change, attempt, args);
  yield* requireOutput(args);
  if (args.merged && args.merged.from !== change.run.manifest) {
    throw new UnitRefusal("CONTENT_CHANGED", `the workspace of run ${change.run.id} has changed`, { runId: change.run.id });
  }

  endAttempt(attempt, args.result, args.now);
  yield* saveEnd(attempt);
  step.live_attempt = null;
  change.changed.add(step);
  startRun(change, args.now);
  if (step.state === "ready" && ENDS_AS_STARTED.has(args.result.outcome)) moveStep(change, step, "start");
  if (args.merged) {
    change.isRunChanged = true;
    change.run.manifest = args.merged.to;
    change.run.repo = args.merged.repo ?? change.run.repo;
  }
  settleStep(change, step, attempt, args.result, args.now);
  if (args.result.outcome === "succeeded") yield* keepArtifacts(change, step, args);
  yield* advanceRun(change, args.now);
  const actor: Actor = { kind: "runner", id: attempt.runner_id };
  const outcome = yield* saveRun(change, { orgId: change.run.org_id, now: args.now, actor });
  return { ...outcome, verdict: "applied" };
}

/** Outcomes that a step can only reach from `running`; the word that it had started was lost on the way. */
const ENDS_AS_STARTED: ReadonlySet<string> = new Set(["succeeded", "skipped"]);

const MOVES = { succeeded: "succeed", failed: "fail", skipped: "skip", cancelled: "cancel", interrupted: "interrupt" } as const;

function endAttempt(attempt: AttemptChange, result: AttemptResult, now: number): void {
  moveAttempt(attempt, MOVES[result.outcome]);
  attempt.reason = reasonOf(result) ?? null;
  attempt.message = result.message ?? null;
  attempt.exit_code = result.exitCode ?? null;
  attempt.result = JSON.stringify(result);
  attempt.ended_at = now;
}

function reasonOf(result: AttemptResult): FailureReason | undefined {
  if (result.outcome === "failed") return result.reason ?? "runtime_error";
  if (result.outcome === "interrupted") return "interrupted";
  return result.outcome === "cancelled" ? "cancelled" : undefined;
}

/** Moves the step to where its attempt brought it: over, or to another attempt. */
function settleStep(change: RunChange, step: StepRow, attempt: AttemptChange, result: AttemptResult, now: number): void {
  const reason = reasonOf(result);
  if (reason === undefined) {
    moveStep(change, step, result.outcome === "skipped" ? "skip" : "succeed");
    step.reason = null;
    step.outputs = result.outputs ? JSON.stringify(result.outputs) : null;
    closeStep(change, step, attempt, result, now);
  } else if (reason === "cancelled" || change.run.cancel_requested_at !== null) {
    moveStep(change, step, "cancel");
    step.reason = "cancelled";
    closeStep(change, step, attempt, { ...result, reason: "cancelled" }, now);
  } else {
    failStep(change, step, attempt, { ...result, reason }, now);
  }
}

/** After an attempt without success: another attempt now or later, or the end of the step. */
export function failStep(
  change: RunChange,
  step: StepRow,
  attempt: AttemptChange,
  result: Pick<AttemptResult, "message" | "exitCode" | "durationMs"> & { readonly reason: FailureReason },
  now: number,
): void {
  if (FAILURE_REASONS[result.reason].kind === "infrastructure") step.losses += 1;
  else step.failures += 1;
  const decision = decideRetry(definitionOf(step).retry, result.reason, step);
  step.reason = result.reason;
  step.message = result.message ?? null;
  if (decision.kind === "final") {
    moveStep(change, step, "fail");
    closeStep(change, step, attempt, result, now);
    return;
  }
  record(change, "attempt.ended", {
    name: step.name, attemptId: attempt.id, epoch: attempt.epoch, runnerId: attempt.runner_id,
    status: endStatus(attempt), reason: result.reason, ...(result.message === undefined ? {} : { message: result.message }),
  });
  if (decision.delayMs > 0) {
    moveStep(change, step, "delay");
    setTimerRow(change, "step.delay", String(step.idx), now + decision.delayMs);
    record(change, "step.delayed", { name: step.name, delayMs: decision.delayMs, reason: result.reason });
  } else if (step.state === "running") {
    moveStep(change, step, "retry");
  }
}

function endStatus(attempt: AttemptChange): "failed" | "lost" | "interrupted" {
  return attempt.state === "lost" || attempt.state === "interrupted" ? attempt.state : "failed";
}

/** How the attempt ended, for the event that ends its step, where the two differ. */
export function endedOtherwise(attempt: AttemptChange, status: string): { attemptStatus?: "failed" | "lost" | "interrupted" } {
  return attempt.state === status ? {} : { attemptStatus: endStatus(attempt) };
}

function closeStep(
  change: RunChange,
  step: StepRow,
  attempt: AttemptChange,
  result: Pick<AttemptResult, "message" | "exitCode" | "durationMs"> & { readonly reason?: FailureReason | undefined },
  now: number,
): void {
  step.ended_at = now;
  step.message = result.message ?? null;
  // `moveStep` has just brought it to one of these.
  const status = step.state as "succeeded" | "failed" | "skipped" | "cancelled";
  record(change, "step.finished", {
    name: step.name,
    status,
    attemptId: attempt.id,
    ...endedOtherwise(attempt, status),
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(result.durationMs === undefined ? {} : { durationMs: result.durationMs }),
    ...(result.reason === undefined ? {} : { reason: result.reason }),
    ...(result.message === undefined ? {} : { message: result.message }),
  });
}

/** The same result again is answered as before; another result for an attempt that is over is too late. */
function* repeated(change: RunChange, attempt: AttemptChange, args: FinishAttemptArgs): Generator<Statement, FinishedAttempt, unknown> {
  const isSame = attempt.result === JSON.stringify(args.result);
  if (!isSame) throw new UnitRefusal("FENCED", `attempt ${attempt.id} is ${attempt.state} already`, { attemptId: attempt.id });
  const { run: row } = change;
  return { runId: row.id, orgId: row.org_id, state: row.state, lastSeq: row.last_seq, ready: [], timers: [], verdict: "duplicate" };
}

const SELECT_LENGTHS = "SELECT stream, length FROM output_streams WHERE attempt_id = ?";

function* requireOutput({ attemptId, result }: FinishAttemptArgs): Generator<Statement, void, unknown> {
  if (result.streams.every(({ length }) => length === 0)) return;
  const rows = yield* all<{ stream: string; length: number }>(SELECT_LENGTHS, attemptId);
  const stored = new Map(rows.map(({ stream, length }) => [stream, length]));
  const streams = result.streams
    .filter(({ stream, length }) => (stored.get(stream) ?? 0) !== length)
    .map(({ stream }) => ({ stream, offset: stored.get(stream) ?? 0 }));
  if (streams.length > 0) {
    throw new UnitRefusal("INCOMPLETE_OUTPUT", `output of attempt ${attemptId} is missing`, { streams });
  }
}

const COUNT_ARTIFACTS = "SELECT COUNT(*) AS count FROM artifacts WHERE id >= ? AND id < ?";
const INSERT_ARTIFACT = `INSERT INTO artifacts (id, org_id, run_id, step_idx, type, kind, path, bytes, sha256, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

function* keepArtifacts(change: RunChange, step: StepRow, { result, now }: FinishAttemptArgs): Generator<Statement, void, unknown> {
  if (result.artifacts.length === 0) return;
  const { run: row } = change;
  const [from, to] = [artifactIdOf(row.id, step.idx, 0), `${artifactIdOf(row.id, step.idx, 0).slice(0, -1)}:`];
  let number = (yield* get<{ count: number }>(COUNT_ARTIFACTS, from, to))?.count ?? 0;
  for (const { path, sha256, bytes } of result.artifacts) {
    const id = artifactIdOf(row.id, step.idx, number);
    const kind = kindOfPath(path);
    const type = artifactTypeOfKind(kind);
    yield* run(INSERT_ARTIFACT, id, row.org_id, row.id, step.idx, type, kind, path, bytes, sha256, now);
    record(change, "artifact.created", { artifact_id: id, path, type, kind, bytes, step: step.name });
    number += 1;
  }
}
