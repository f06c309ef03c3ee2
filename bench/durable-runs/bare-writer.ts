import Database from "better-sqlite3";
import { workerData } from "node:worker_threads";

import { serveGroups } from "../harness/grouped-writer.ts";
import type { BareSettings, BareWork } from "./bare.ts";

// The thread of the bare program: what waits is written in one transaction, then each batch is answered.

const { file, recorded } = workerData as BareSettings;
const { run, step, attempt, events, body: mould } = recorded;
const database = new Database(file);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.pragma("cache_size = -65536");
database.pragma("temp_store = MEMORY");
database.pragma("wal_autocheckpoint = 4096");
for (const sql of recorded.schema) database.exec(sql);

type Value = string | number | null;

/** A text of the mould with another run's id in it. */
function text(value: Value | undefined): (body: string) => string {
  const parts = String(value).split(mould);
  return parts.length === 1 ? () => parts[0] ?? "" : (body) => parts.join(body);
}

const runId = text(run["id"]);
const attemptId = text(attempt["id"]);
const envelope = text(attempt["envelope"]);
const result = String(attempt["result"]);

const eventPhases = events.map(({ type }) => phaseOf(String(type)));
const eventTexts = events.map((event) => text(event["data"] ?? null));
const insertEvents = [0, 1, 2, 3].map((phase) => {
  const count = eventPhases.filter((own) => own === phase).length;
  const rows = Array.from({ length: count }, () => "(?, ?, ?, ?, ?, ?, ?, ?, ?)").join(", ");
  return database.prepare(
    `INSERT INTO events (stream, seq, type, schema_version, at, actor, traceparent, causation, data) VALUES ${rows}`,
  );
});
const insertRun =
  database.prepare(`INSERT INTO runs (id, org_id, project_id, name, goal, source, task_type, state, repo,
  from_run_id, reference_run_id, base_manifest, manifest, timeout_ms, steps_total, steps_done, last_seq, output_seq,
  created_by, traceparent, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, NULL, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, 1, 0, 1, 0, ?, NULL, ?, ?)`);
const insertStep = database.prepare(`INSERT INTO steps (run_id, idx, name, tool, step_key, definition, state, attempts,
  failures, losses, cut_off) VALUES (?, 0, ?, ?, ?, ?, 'ready', 0, 0, 0, 0)`);
const insertAttempt = database.prepare(`INSERT INTO attempts (id, org_id, run_id, step_idx, number, epoch, runner_id,
  state, envelope_hash, envelope, lease_until, created_at) VALUES (?, ?, ?, 0, 1, 1, ?, 'leased', ?, ?, ?, ?)`);
const updateSeq = database.prepare("UPDATE runs SET last_seq = ?, updated_at = ? WHERE id = ?");
const updateRun =
  database.prepare(`UPDATE runs SET state = ?, reason = NULL, message = NULL, cancel_requested_at = NULL,
  cancel_mode = NULL, repo = NULL, manifest = NULL, steps_done = ?, last_seq = ?, updated_at = ?, started_at = ?,
  ended_at = ? WHERE id = ?`);
const updateStep = database.prepare(`UPDATE steps SET state = ?, reason = NULL, message = NULL, outputs = NULL,
  attempts = 1, failures = 0, losses = 0, live_attempt = ?, cut_off = 0, started_at = ?, ended_at = ?
  WHERE run_id = ? AND idx = 0`);
const startAttempt = database.prepare("UPDATE attempts SET state = ?, sandbox = ?, started_at = ? WHERE id = ?");
const endAttempt = database.prepare(`UPDATE attempts SET state = ?, reason = NULL, message = NULL, exit_code = 0,
  result = ?, ended_at = ? WHERE id = ?`);

const phases = [create, lease, start, finish] as const;
const writeAll = database.transaction((batches: readonly (readonly BareWork[])[]) => {
  for (const batch of batches) for (const { phase, body, now } of batch) phases[phase](body, now);
});

serveGroups<BareWork>(writeAll);

function create(body: string, now: number): void {
  const id = runId(body);
  insertStep.run(id, step["name"], step["tool"], step["step_key"], step["definition"]);
  append(0, id, body, now);
  insertRun.run(
    id,
    run["org_id"],
    run["project_id"],
    run["name"],
    run["goal"],
    run["source"],
    run["created_by"],
    now,
    now,
  );
}

function lease(body: string, now: number): void {
  const [id, attemptOwn] = [runId(body), attemptId(body)];
  insertAttempt.run(
    attemptOwn,
    run["org_id"],
    id,
    attempt["runner_id"],
    attempt["envelope_hash"],
    envelope(body),
    now + 30_000,
    now,
  );
  updateStep.run("ready", attemptOwn, null, null, id);
  updateSeq.run(append(1, id, body, now), now, id);
}

function start(body: string, now: number): void {
  const [id, attemptOwn] = [runId(body), attemptId(body)];
  startAttempt.run("running", attempt["sandbox"], now, attemptOwn);
  updateStep.run("running", attemptOwn, now, null, id);
  updateRun.run("running", 0, append(2, id, body, now), now, now, null, id);
}

function finish(body: string, now: number): void {
  const id = runId(body);
  endAttempt.run("succeeded", result, now, attemptId(body));
  updateStep.run("succeeded", null, now, now, id);
  updateRun.run("succeeded", 1, append(3, id, body, now), now, now, now, id);
}

/** Returns the number of the last event. */
function append(phase: number, id: string, body: string, now: number): number {
  const params: unknown[] = [];
  let last = 0;
  for (const [index, event] of events.entries()) {
    if (eventPhases[index] !== phase) continue;
    last = index + 1;
    params.push(id, last, event["type"], 1, now, event["actor"], null, null, eventTexts[index]?.(body));
  }
  insertEvents[phase]?.run(...params);
  return last;
}

function phaseOf(type: string): number {
  if (type === "attempt.leased") return 1;
  if (type === "step.started" || type === "run.started") return 2;
  return type === "step.finished" || type === "run.succeeded" ? 3 : 0;
}
