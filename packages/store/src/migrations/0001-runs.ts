/**
 * The first schema: runs with their steps, attempts, gates, events, output and artifacts; runners; projects and
 * secrets; access; idempotency, timers and outbox. Times are milliseconds since the epoch, JSON is text. Hot tables whose rows
 * are small keep them in the primary key's own tree (`WITHOUT ROWID`, two words that another engine leaves out).
 */
export const runs = {
  id: 1,
  name: "runs",
  up: [
    `CREATE TABLE runs (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, project_id TEXT NOT NULL, name TEXT, goal TEXT NOT NULL,
      source TEXT NOT NULL, task_type TEXT, state TEXT NOT NULL, reason TEXT, message TEXT,
      cancel_requested_at BIGINT, cancel_mode TEXT, repo TEXT, from_run_id TEXT, reference_run_id TEXT,
      base_manifest TEXT, manifest TEXT, timeout_ms BIGINT,
      steps_total INTEGER NOT NULL, steps_done INTEGER NOT NULL, last_seq BIGINT NOT NULL, output_seq BIGINT NOT NULL,
      created_by TEXT NOT NULL, traceparent TEXT,
      created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, started_at BIGINT, ended_at BIGINT
    ) WITHOUT ROWID`,
    `CREATE INDEX runs_of_org ON runs (org_id, id)`,
    `CREATE INDEX runs_of_project ON runs (org_id, project_id, id)`,
    `CREATE INDEX runs_going ON runs (id) WHERE state IN ('queued', 'running')`,
    `CREATE TABLE steps (
      run_id TEXT NOT NULL, idx INTEGER NOT NULL, name TEXT NOT NULL, tool TEXT NOT NULL, step_key TEXT NOT NULL,
      definition TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, message TEXT, outputs TEXT,
      attempts INTEGER NOT NULL, failures INTEGER NOT NULL, losses INTEGER NOT NULL, live_attempt TEXT,
      cut_off INTEGER NOT NULL, started_at BIGINT, ended_at BIGINT,
      PRIMARY KEY (run_id, idx)
    ) WITHOUT ROWID`,
    `CREATE TABLE attempts (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, run_id TEXT NOT NULL, step_idx INTEGER NOT NULL,
      number INTEGER NOT NULL, epoch INTEGER NOT NULL, runner_id TEXT NOT NULL, state TEXT NOT NULL,
      reason TEXT, message TEXT, exit_code INTEGER, sandbox TEXT, envelope_hash TEXT NOT NULL, envelope TEXT NOT NULL,
      result TEXT, lease_until BIGINT NOT NULL, created_at BIGINT NOT NULL, started_at BIGINT, ended_at BIGINT
    ) WITHOUT ROWID`,
    `CREATE TABLE gates (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, run_id TEXT NOT NULL, step_idx INTEGER NOT NULL, state TEXT NOT NULL,
      content TEXT NOT NULL, content_hash TEXT NOT NULL, requested_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
      decided_at BIGINT, decided_by TEXT, note TEXT
    ) WITHOUT ROWID`,
    `CREATE INDEX gates_of_org ON gates (org_id, state, id)`,
    `CREATE TABLE events (
      stream TEXT NOT NULL, seq BIGINT NOT NULL, type TEXT NOT NULL, schema_version INTEGER NOT NULL, at BIGINT NOT NULL,
      actor TEXT NOT NULL, traceparent TEXT, causation TEXT, data TEXT NOT NULL,
      PRIMARY KEY (stream, seq)
    ) WITHOUT ROWID`,
    `CREATE TABLE output_streams (
      attempt_id TEXT NOT NULL, stream TEXT NOT NULL, length BIGINT NOT NULL,
      PRIMARY KEY (attempt_id, stream)
    ) WITHOUT ROWID`,
    `CREATE TABLE output_segments (
      run_id TEXT NOT NULL, seq BIGINT NOT NULL, step_idx INTEGER NOT NULL, attempt_id TEXT NOT NULL,
      stream TEXT NOT NULL, start BIGINT NOT NULL, length BIGINT NOT NULL, gap TEXT, bytes BLOB NOT NULL,
      PRIMARY KEY (run_id, seq)
    )`,
    `CREATE TABLE artifacts (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, run_id TEXT NOT NULL, step_idx INTEGER NOT NULL, type TEXT NOT NULL,
      kind TEXT NOT NULL, path TEXT NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT NOT NULL, created_at BIGINT NOT NULL
    )`,
    `CREATE TABLE runners (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, hostname TEXT NOT NULL, state TEXT NOT NULL,
      capabilities TEXT NOT NULL, labels TEXT NOT NULL, metadata TEXT NOT NULL, runtime_versions TEXT NOT NULL,
      load TEXT, public_key TEXT, last_heartbeat_at BIGINT, registered_at BIGINT NOT NULL, retired_at BIGINT,
      last_seq BIGINT NOT NULL
    )`,
    `CREATE INDEX runners_of_org ON runners (org_id, id)`,
    `CREATE TABLE enrolment_tokens (
      hash TEXT PRIMARY KEY, org_id TEXT NOT NULL, labels TEXT NOT NULL, created_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL, used_at BIGINT, used_by TEXT
    )`,
    `CREATE TABLE projects (
      org_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, task_type TEXT, repo TEXT, env TEXT NOT NULL,
      commands TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
      PRIMARY KEY (org_id, id)
    )`,
    `CREATE TABLE secrets (
      org_id TEXT NOT NULL, project_id TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL,
      version INTEGER NOT NULL, sealed BLOB NOT NULL, updated_at BIGINT NOT NULL,
      PRIMARY KEY (org_id, project_id, scope, name)
    )`,
    `CREATE TABLE tokens (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL,
      created_at BIGINT NOT NULL, expires_at BIGINT, last_used_at BIGINT, revoked_at BIGINT
    )`,
    `CREATE INDEX tokens_of_org ON tokens (org_id, id)`,
    `CREATE TABLE idempotency (
      org_id TEXT NOT NULL, principal TEXT NOT NULL, request_key TEXT NOT NULL, route TEXT NOT NULL,
      body_hash TEXT NOT NULL, answer TEXT NOT NULL, expires_at BIGINT NOT NULL,
      PRIMARY KEY (org_id, principal, request_key)
    ) WITHOUT ROWID`,
    `CREATE INDEX idempotency_expiry ON idempotency (expires_at)`,
    `CREATE TABLE timers (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, due_at BIGINT NOT NULL, run_id TEXT NOT NULL, ref TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX timers_due ON timers (due_at)`,
    `CREATE TABLE outbox_subscriptions (
      name TEXT PRIMARY KEY, org_id TEXT, types TEXT NOT NULL
    )`,
    `CREATE TABLE outbox (
      subscription TEXT NOT NULL, stream TEXT NOT NULL, seq BIGINT NOT NULL, org_id TEXT NOT NULL, type TEXT NOT NULL,
      tries INTEGER NOT NULL, due_at BIGINT NOT NULL,
      PRIMARY KEY (subscription, stream, seq)
    )`,
    `CREATE INDEX outbox_due ON outbox (due_at)`,
  ],
} as const;
