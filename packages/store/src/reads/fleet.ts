import type { PluginRow, ProjectRow, RunnerRow, SecretRow, TokenRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";

/** A page of rows and how many there are in all. */
export interface RowPage<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** One runner of an org. */
export function* readRunner(runnerId: string, orgId: string): Generator<Statement, RunnerRow | undefined, unknown> {
  return yield* get<RunnerRow>("SELECT * FROM runners WHERE id = ? AND org_id = ?", runnerId, orgId);
}

/** Runners of an org that have not been retired, oldest first. */
export function* readRunners(
  orgId: string,
  limit: number,
  offset: number,
): Generator<Statement, RowPage<RunnerRow>, unknown> {
  const rows = yield* all<RunnerRow>(
    "SELECT * FROM runners WHERE org_id = (SELECT ?) AND state <> 'retired' ORDER BY id LIMIT ? OFFSET ?",
    orgId,
    limit,
    offset,
  );
  const counted = yield* get<{ count: number }>(
    "SELECT COUNT(*) AS count FROM runners WHERE org_id = ? AND state <> 'retired'",
    orgId,
  );
  return { rows, total: counted?.count ?? 0 };
}

/** One plugin of an org, by the name that everybody knows it by. */
export function* readPlugin(name: string, orgId: string): Generator<Statement, PluginRow | undefined, unknown> {
  return yield* get<PluginRow>("SELECT * FROM plugins WHERE org_id = ? AND name = ?", orgId, name);
}

/** Every plugin of an org by name: there are no more than `plugins.perOrg`. */
export function* readPlugins(orgId: string): Generator<Statement, PluginRow[], unknown> {
  return yield* all<PluginRow>("SELECT * FROM plugins WHERE org_id = (SELECT ?) ORDER BY name", orgId);
}

/** The plugin that a token opens the connection of; undefined for a token of nobody, and for one that is no plugin's. */
export function* readPluginOfToken(
  tokenId: string,
): Generator<Statement, { readonly token: TokenRow; readonly plugin: PluginRow } | undefined, unknown> {
  const token = yield* get<TokenRow>("SELECT * FROM tokens WHERE id = ? AND plugin_id IS NOT NULL", tokenId);
  const plugin = token && (yield* get<PluginRow>("SELECT * FROM plugins WHERE id = ?", token.plugin_id));
  return token && plugin && { token, plugin };
}

/** One project of an org. */
export function* readProject(orgId: string, projectId: string): Generator<Statement, ProjectRow | undefined, unknown> {
  return yield* get<ProjectRow>("SELECT * FROM projects WHERE org_id = ? AND id = ?", orgId, projectId);
}

/** Projects of an org by id. */
export function* readProjects(
  orgId: string,
  limit: number,
  offset: number,
): Generator<Statement, RowPage<ProjectRow>, unknown> {
  const rows = yield* all<ProjectRow>(
    "SELECT * FROM projects WHERE org_id = (SELECT ?) ORDER BY id LIMIT ? OFFSET ?",
    orgId,
    limit,
    offset,
  );
  const counted = yield* get<{ count: number }>("SELECT COUNT(*) AS count FROM projects WHERE org_id = ?", orgId);
  return { rows, total: counted?.count ?? 0 };
}

/** The secrets of a project, sealed; of one scope, or of all. */
export function* readSecrets(
  orgId: string,
  projectId: string,
  scope?: string,
): Generator<Statement, SecretRow[], unknown> {
  return yield* all<SecretRow>(
    "SELECT * FROM secrets WHERE org_id = (SELECT ?) AND project_id = (SELECT ?) AND (? IS NULL OR scope = ?) ORDER BY scope, name",
    orgId,
    projectId,
    scope ?? null,
    scope ?? null,
  );
}

/** A token by its id, of whichever org: for authentication. */
export function* readToken(tokenId: string): Generator<Statement, TokenRow | undefined, unknown> {
  return yield* get<TokenRow>("SELECT * FROM tokens WHERE id = ?", tokenId);
}

/** The tokens of an org, newest first. */
export function* readTokens(orgId: string): Generator<Statement, TokenRow[], unknown> {
  return yield* all<TokenRow>("SELECT * FROM tokens WHERE org_id = (SELECT ?) ORDER BY id DESC", orgId);
}
