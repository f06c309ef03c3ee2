/** Sessions with what they were told and the decisions that they ask for. A session lies beside the run that it is the work of. */
export const sessions = {
  id: 3,
  name: "sessions",
  up: [
    `CREATE TABLE sessions (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, project_id TEXT NOT NULL, run_id TEXT NOT NULL, step_idx INTEGER NOT NULL,
      provider TEXT NOT NULL, state TEXT NOT NULL, last_seq BIGINT NOT NULL, inputs TEXT NOT NULL, progress TEXT NOT NULL,
      created_at BIGINT NOT NULL, ended_at BIGINT
    )`,
    `CREATE INDEX sessions_of_org ON sessions (org_id, id)`,
    `CREATE INDEX sessions_going ON sessions (org_id, id) WHERE ended_at IS NULL`,
    `CREATE TABLE session_commands (
      session_id TEXT NOT NULL, seq BIGINT NOT NULL, command TEXT NOT NULL, at BIGINT NOT NULL,
      PRIMARY KEY (session_id, seq)
    )`,
    `CREATE TABLE approvals (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, session_id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
      content TEXT NOT NULL, content_hash TEXT NOT NULL, requested_at BIGINT NOT NULL, requested_by TEXT NOT NULL,
      expires_at BIGINT NOT NULL, decided_at BIGINT, decided_by TEXT, reason TEXT, answer TEXT
    )`,
    `CREATE INDEX approvals_of_org ON approvals (org_id, state, id)`,
    `CREATE INDEX approvals_of_session ON approvals (session_id, id)`,
  ],
} as const;
