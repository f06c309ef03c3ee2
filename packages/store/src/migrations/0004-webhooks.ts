/** Webhooks, what each asks for, and every event on its way to one. They take the place of the first outbox, which nothing used. */
export const webhooks = {
  id: 4,
  name: "webhooks",
  up: [
    `DROP TABLE outbox`,
    `DROP TABLE outbox_subscriptions`,
    `CREATE TABLE webhooks (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, url TEXT NOT NULL, events TEXT NOT NULL, state TEXT NOT NULL,
      disabled_reason TEXT, origin TEXT NOT NULL, secret BLOB NOT NULL, secret_version BIGINT NOT NULL,
      previous_secret BLOB, previous_version BIGINT, previous_until BIGINT,
      created_at BIGINT NOT NULL, created_by TEXT NOT NULL, updated_at BIGINT NOT NULL, last_seq BIGINT NOT NULL
    )`,
    `CREATE INDEX webhooks_of_org ON webhooks (org_id, id)`,
    // Only of active ones. A commit that appends events asks this table whether anybody wants to be told of them.
    `CREATE TABLE webhook_filters (
      org_id TEXT NOT NULL, filter TEXT NOT NULL, webhook_id TEXT NOT NULL,
      PRIMARY KEY (org_id, filter, webhook_id)
    ) WITHOUT ROWID`,
    // What is about one run is one lane, told in its order (n): only the first that waits in a lane has a time (due_at).
    `CREATE TABLE webhook_deliveries (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, webhook_id TEXT NOT NULL, n BIGINT NOT NULL, lane TEXT NOT NULL,
      run_id TEXT, stream TEXT, seq BIGINT, event_type TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
      due_at BIGINT, since BIGINT NOT NULL, last_attempt_at BIGINT, last_status INTEGER, last_error TEXT,
      created_at BIGINT NOT NULL, ended_at BIGINT
    )`,
    `CREATE UNIQUE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, n)`,
    `CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX webhook_deliveries_in_lane ON webhook_deliveries (webhook_id, lane, n) WHERE state = 'pending'`,
    `CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (since) WHERE state = 'pending'`,
    `CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL`,
  ],
} as const;
