import type { GateState, RunState } from "@signalbox/protocol";

import { idRangeOf, parseAttemptId } from "../derived-ids.ts";
import type {
  ArtifactRow,
  AttemptProgress,
  EventRow,
  GateRow,
  OutputSegmentRow,
  PlannedStep,
  RunProgress,
  RunRow,
} from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

// A bare parameter in a condition that can match several rows makes SQLite plan the statement anew for each value;
// `(SELECT ?)` does not (docs/decisions/0003).

/** A run with everything that belongs to it. */
export interface RunRows {
  readonly run: ReadRunRow;
  readonly plan: readonly PlannedStep[];
  readonly gates: readonly GateRow[];
  readonly artifacts: readonly ArtifactRow[];
}

/** A run with the ledger of its agents, if any has begun. */
export interface ReadRunRow extends RunRow {
  /** A `RunLedger` as JSON. */
  readonly ledger: string | null;
}

const SELECT_RUN =
  "SELECT runs.*, run_ledgers.ledger FROM runs LEFT JOIN run_ledgers ON run_ledgers.run_id = runs.id WHERE runs.id = ?";
const SELECT_PLAN = "SELECT steps FROM plans WHERE run_id = ?";

/** One run of an org. */
export function* readRun(runId: string, orgId: string): Generator<Statement, ReadRunRow | undefined, unknown> {
  const row = yield* get<ReadRunRow>(SELECT_RUN, runId);
  return row?.org_id === orgId ? row : undefined;
}

/** The number of the last event of a run of an org: the version of all that can be told of it. */
export function* readRunVersion(runId: string, orgId: string): Generator<Statement, number | undefined, unknown> {
  const row = yield* get<Pick<RunRow, "last_seq">>(
    "SELECT last_seq FROM runs WHERE id = ? AND org_id = ?",
    runId,
    orgId,
  );
  return row?.last_seq;
}

/** The plan of a run. */
export function* readPlan(runId: string): Generator<Statement, readonly PlannedStep[], unknown> {
  const row = yield* get<{ steps: string }>(SELECT_PLAN, runId);
  // Written by createRun from a value of this type.
  return JSON.parse(row?.steps ?? "[]") as PlannedStep[];
}

/** One run of an org with its plan, gates and artifacts. */
export function* readRunRows(runId: string, orgId: string): Generator<Statement, RunRows | undefined, unknown> {
  const run = yield* readRun(runId, orgId);
  if (!run) return undefined;
  return {
    run,
    plan: yield* readPlan(runId),
    gates: yield* all<GateRow>(
      "SELECT * FROM gates WHERE id >= (SELECT ?) AND id < (SELECT ?)",
      ...idRangeOf("gate", runId),
    ),
    artifacts: yield* all<ArtifactRow>(
      "SELECT * FROM artifacts WHERE id >= (SELECT ?) AND id < (SELECT ?)",
      ...idRangeOf("art", runId),
    ),
  };
}

export interface RunQuery {
  readonly orgId: string;
  readonly projectId?: string | undefined;
  readonly status?: RunState | undefined;
  /** Only runs made before this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Runs of an org, newest first. */
export function* readRuns(query: RunQuery): Generator<Statement, ReadRunRow[], unknown> {
  const before = query.before ?? "~";
  if (query.projectId === undefined) {
    return yield* all<ReadRunRow>(
      "SELECT runs.*, run_ledgers.ledger FROM runs LEFT JOIN run_ledgers ON run_ledgers.run_id = runs.id WHERE org_id = (SELECT ?) AND id < (SELECT ?) AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ?",
      query.orgId,
      before,
      query.status ?? null,
      query.status ?? null,
      query.limit,
    );
  }
  return yield* all<ReadRunRow>(
    "SELECT runs.*, run_ledgers.ledger FROM runs LEFT JOIN run_ledgers ON run_ledgers.run_id = runs.id WHERE org_id = (SELECT ?) AND project_id = (SELECT ?) AND id < (SELECT ?) AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ?",
    query.orgId,
    query.projectId,
    before,
    query.status ?? null,
    query.status ?? null,
    query.limit,
  );
}

/** Events of a stream after a number. */
export function* readEvents(stream: string, after: number, limit: number): Generator<Statement, EventRow[], unknown> {
  return yield* all<EventRow>(
    "SELECT * FROM events WHERE stream = (SELECT ?) AND seq > (SELECT ?) ORDER BY seq LIMIT ?",
    stream,
    after,
    limit,
  );
}

/** The events of one type in a stream, first to last. */
export function* readEventsOfType(stream: string, type: string): Generator<Statement, EventRow[], unknown> {
  return yield* all<EventRow>("SELECT * FROM events WHERE stream = (SELECT ?) AND type = ? ORDER BY seq", stream, type);
}

/** Output of a run after a number, within a budget of rows. */
export function* readOutput(
  runId: string,
  after: number,
  limit: number,
): Generator<Statement, OutputSegmentRow[], unknown> {
  return yield* all<OutputSegmentRow>(
    "SELECT * FROM output_segments WHERE run_id = (SELECT ?) AND seq > (SELECT ?) ORDER BY seq LIMIT ?",
    runId,
    after,
    limit,
  );
}

/** Output of one stream of an attempt, in order, a page at a time. */
export function* readStream(
  attemptId: string,
  runId: string,
  stream: string,
  after: number,
  limit: number,
): Generator<Statement, OutputSegmentRow[], unknown> {
  return yield* all<OutputSegmentRow>(
    "SELECT * FROM output_segments WHERE run_id = (SELECT ?) AND seq > (SELECT ?) AND attempt_id = ? AND stream = ? ORDER BY seq LIMIT ?",
    runId,
    after,
    attemptId,
    stream,
    limit,
  );
}

/** Gates of an org, newest first. */
export function* readGates(query: {
  orgId: string;
  status?: GateState | undefined;
  runId?: string | undefined;
  limit: number;
}): Generator<Statement, GateRow[], unknown> {
  return yield* all<GateRow>(
    "SELECT * FROM gates WHERE org_id = (SELECT ?) AND (? IS NULL OR state = ?) AND (? IS NULL OR run_id = ?) ORDER BY id DESC LIMIT ?",
    query.orgId,
    query.status ?? null,
    query.status ?? null,
    query.runId ?? null,
    query.runId ?? null,
    query.limit,
  );
}

/** One gate of an org. */
export function* readGate(gateId: string, orgId: string): Generator<Statement, GateRow | undefined, unknown> {
  return yield* get<GateRow>("SELECT * FROM gates WHERE id = ? AND org_id = ?", gateId, orgId);
}

/** The gate of a step that counts: of those that were asked in turn, the last. */
export function* readGateOfStep(
  runId: string,
  stepIndex: number,
  orgId: string,
): Generator<Statement, GateRow | undefined, unknown> {
  return yield* get<GateRow>(
    "SELECT * FROM gates WHERE id >= (SELECT ?) AND id < (SELECT ?) AND step_idx = ? AND org_id = ? AND state <> 'superseded'",
    ...idRangeOf("gate", runId),
    stepIndex,
    orgId,
  );
}

/** One artifact of an org. */
export function* readArtifact(
  artifactId: string,
  orgId: string,
): Generator<Statement, ArtifactRow | undefined, unknown> {
  return yield* get<ArtifactRow>("SELECT * FROM artifacts WHERE id = ? AND org_id = ?", artifactId, orgId);
}

/** One attempt; undefined when there is none under the id. */
export function* readAttempt(
  attemptId: string,
): Generator<Statement, (AttemptProgress & { readonly runId: string; readonly orgId: string }) | undefined, unknown> {
  const place = parseAttemptId(attemptId);
  const row = place && (yield* get<RunRow>(SELECT_RUN, place.runId));
  if (!place || !row) return undefined;
  const attempt = (JSON.parse(row.progress) as RunProgress).steps[place.stepIndex]?.attempts[place.number - 1];
  return attempt && { ...attempt, runId: row.id, orgId: row.org_id };
}
