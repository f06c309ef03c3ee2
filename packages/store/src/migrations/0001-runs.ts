/**
 * The first schema: runs with their steps, attempts, gates, events, output and artifacts; runners; projects and
 * secrets; access; idempotency, timers and outbox. Times are milliseconds since the epoch, JSON is text. Hot tables whose rows
 * are small keep them in the primary key's own tree (`WITHOUT ROWID`, two words that another engine leaves out).
 */
export const runs = {
  id: 1,
  name: "runs",
  up: [
    // What never changes of a run is its header and its plan; what does is one small document, rewritten with it.
    `CREATE TABLE runs (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, project_id TEXT NOT NULL, state TEXT NOT NULL,
      last_seq BIGINT NOT NULL, header TEXT NOT NULL, progress TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX runs_of_org ON runs (org_id, id)`,
    `CREATE INDEX runs_of_project ON runs (org_id, project_id, id)`,
    `CREATE INDEX runs_going ON runs (id) WHERE state IN ('queued', 'running')`,
    `CREATE TABLE plans (
      run_id TEXT PRIMARY KEY, steps TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE gates (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, run_id TEXT NOT NULL, step_idx INTEGER NOT NULL, state TEXT NOT NULL,
      content TEXT NOT NULL, content_hash TEXT NOT NULL, requested_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
      decided_at BIGINT, decided_by TEXT, note TEXT
    ) WITHOUT ROWID`,
    `CREATE INDEX gates_of_org ON gates (org_id, state, id)`,
    `CREATE TABLE events (
      stream TEXT NOT NULL, seq BIGINT NOT NULL, type TEXT NOT NULL, schema_version INTEGER NOT NULL DEFAULT 1, at BIGINT NOT NULL,
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
