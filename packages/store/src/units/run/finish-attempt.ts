import {
  artifactTypeOfKind,
  kindOfPath,
  type AttemptResult,
  type FailureReason,
  type Repository,
} from "@signalbox/protocol";

import { artifactIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import { all, get, run, type Statement } from "../../unit.ts";
import { isStopped } from "../session/stop-meaning.ts";
import { advanceRun, startRun } from "./advance-run.ts";
import {
  fenced,
  hasEnded,
  loadHeldAttempt,
  moveAttempt,
  type AttemptChange,
  type HeldAttempt,
} from "./attempt-change.ts";
import { moveStep, noteReadiness, record, saveRun, type RunOutcome } from "./run-change.ts";
import { closeStep, failStep } from "./settle-step.ts";

export interface FinishAttemptArgs extends HeldAttempt {
  readonly result: AttemptResult;
  /** The run's manifest that the changes of this attempt were merged into, and what came out; absent: no changes. */
  readonly merged?: { readonly from: string | null; readonly to: string; readonly repo: Repository | null };
  readonly now: number;
}

export interface FinishedAttempt extends RunOutcome {
  /** `duplicate`: the same result had been recorded before. */
  readonly verdict: "applied" | "duplicate";
}

const MOVES = {
  succeeded: "succeed",
  failed: "fail",
  skipped: "skip",
  cancelled: "cancel",
  interrupted: "interrupt",
} as const;

/**
 * Applies what an attempt came to: once, and only while its epoch holds. Output that has not arrived is refused as
 * `INCOMPLETE_OUTPUT`; a workspace that another step changed meanwhile as `CONTENT_CHANGED`, for the caller to merge anew.
 */
export function* finishAttempt(args: FinishAttemptArgs): Generator<Statement, FinishedAttempt, unknown> {
  const held = yield* loadHeldAttempt(args);
  const { change, step, attempt } = held;
  const { result, now } = args;
  if (hasEnded(attempt)) return repeated(held, result);
  yield* requireOutput(args);
  if (args.merged && args.merged.from !== change.progress.manifest) {
    throw new UnitRefusal("CONTENT_CHANGED", `the workspace of run ${change.id} has changed`, { runId: change.id });
  }

  moveAttempt(held, MOVES[result.outcome]);
  attempt.reason = reasonOf(result) ?? null;
  attempt.message = result.message ?? null;
  attempt.exitCode = result.exitCode ?? null;
  attempt.endedAt = now;
  step.live = null;
  startRun(change, now);
  // These are only reached from `running`: the word that it had started was lost on the way.
  if (step.state === "ready" && (result.outcome === "succeeded" || result.outcome === "skipped"))
    moveStep(change, step, "start");
  if (args.merged) {
    change.progress.manifest = args.merged.to;
    change.progress.repo = args.merged.repo ?? change.progress.repo;
  }
  yield* settle(held, result, now);
  if (result.outcome === "succeeded") yield* keepArtifacts(held, args);
  yield* advanceRun(change, now);
  const outcome = yield* saveRun(change, { now, actor: { kind: "runner", id: attempt.runnerId } });
  return { ...outcome, verdict: "applied" };
}

function reasonOf(result: AttemptResult): FailureReason | undefined {
  if (result.outcome === "failed") return result.reason ?? "runtime_error";
  if (result.outcome === "interrupted") return "interrupted";
  return result.outcome === "cancelled" ? "cancelled" : undefined;
}

/** Moves the step to where its attempt brought it: over, or to another attempt. */
function* settle(held: AttemptChange, result: AttemptResult, now: number): Generator<Statement, void, unknown> {
  const { change, step } = held;
  const reason = reasonOf(result);
  if (reason === undefined) {
    moveStep(change, step, result.outcome === "skipped" ? "skip" : "succeed");
    step.reason = null;
    step.outputs = result.outputs ?? null;
    closeStep(held, result, now);
  } else if (reason === "cancelled" || change.progress.cancelRequestedAt !== null || (yield* isStopped(step))) {
    moveStep(change, step, "cancel");
    step.reason = "cancelled";
    closeStep(held, { ...result, reason: "cancelled" }, now);
  } else {
    yield* failStep(held, { ...result, reason }, now);
  }
  noteReadiness(change, step);
}

/** The same outcome again is answered as before; another one for an attempt that is over is too late. */
function repeated({ id, change, attempt }: AttemptChange, result: AttemptResult): FinishedAttempt {
  const isSame = attempt.state === result.outcome && attempt.exitCode === (result.exitCode ?? null);
  if (!isSame) throw fenced(id, `it is ${attempt.state}`);
  return {
    runId: change.id,
    orgId: change.orgId,
    state: change.state,
    lastSeq: change.lastSeq,
    ready: [],
    timers: [],
    sessions: [],
    verdict: "duplicate",
  };
}

// The subquery keeps SQLite from planning the statement anew for every attempt (docs/decisions/0003).
const SELECT_LENGTHS = "SELECT stream, length FROM output_streams WHERE attempt_id = (SELECT ?)";

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

const COUNT_ARTIFACTS = "SELECT COUNT(*) AS count FROM artifacts WHERE id >= (SELECT ?) AND id < (SELECT ?)";
const INSERT_ARTIFACT = `INSERT INTO artifacts (id, org_id, run_id, step_idx, type, kind, path, bytes, sha256, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

function* keepArtifacts(
  { change, step }: AttemptChange,
  { result, now }: FinishAttemptArgs,
): Generator<Statement, void, unknown> {
  if (result.artifacts.length === 0) return;
  const index = change.progress.steps.indexOf(step);
  const prefix = artifactIdOf(change.id, index, 0).slice(0, -1);
  // ':' is the character after '9'.
  let number = (yield* get<{ count: number }>(COUNT_ARTIFACTS, `${prefix}0`, `${prefix}:`))?.count ?? 0;
  for (const { path, sha256, bytes } of result.artifacts) {
    const id = artifactIdOf(change.id, index, number);
    const kind = kindOfPath(path);
    const type = artifactTypeOfKind(kind);
    yield* run(INSERT_ARTIFACT, id, change.orgId, change.id, index, type, kind, path, bytes, sha256, now);
    record(change, "artifact.created", { artifact_id: id, path, type, kind, bytes, step: step.name });
    number += 1;
  }
}
