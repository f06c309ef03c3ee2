/** Plugins with the manifest that each has and the approval of it; tokens that are a plugin's. */
export const plugins = {
  id: 2,
  name: "plugins",
  up: [
    `CREATE TABLE plugins (
      id TEXT PRIMARY KEY, org_id TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, origin TEXT NOT NULL,
      version TEXT NOT NULL, manifest TEXT NOT NULL, manifest_hash TEXT NOT NULL, approved_at BIGINT, approved_by TEXT,
      registered_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, last_seq BIGINT NOT NULL
    )`,
    `CREATE UNIQUE INDEX plugins_of_org ON plugins (org_id, name)`,
    // Null: a person's or a program's. One with a plugin opens that plugin's connection and nothing else.
    `ALTER TABLE tokens ADD COLUMN plugin_id TEXT`,
    `CREATE INDEX tokens_of_plugin ON tokens (plugin_id) WHERE plugin_id IS NOT NULL`,
  ],
} as const;
