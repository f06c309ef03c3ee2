import { UnitRefusal } from "../../errors.ts";
import type { TokenRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Idempotency } from "../idempotency.ts";

const INSERT_TOKEN =
  "INSERT INTO tokens (id, org_id, name, scopes, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
const SELECT_TOKEN = "SELECT * FROM tokens WHERE id = ?";
const REVOKE_TOKEN = "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";

/** Keeps a new token by the hash of its secret. */
export function* createToken(
  args: Omit<TokenRow, "last_used_at" | "revoked_at" | "plugin_id">,
): Generator<Statement, TokenRow, unknown> {
  yield* run(INSERT_TOKEN, args.id, args.org_id, args.name, args.scopes, args.hash, args.created_at, args.expires_at);
  return { ...args, last_used_at: null, revoked_at: null, plugin_id: null };
}

export interface RevokeTokenArgs {
  readonly id: string;
  readonly orgId: string;
  readonly now: number;
  readonly idempotency?: Idempotency | undefined;
}

/** Ends a token for good. Revoking it again is fine. */
export function revokeToken(args: RevokeTokenArgs): Generator<Statement, TokenRow, unknown> {
  return once(args, endToken);
}

function* endToken(args: RevokeTokenArgs): Generator<Statement, TokenRow, unknown> {
  const row = yield* get<TokenRow>(SELECT_TOKEN, args.id);
  if (!row || row.org_id !== args.orgId)
    throw new UnitRefusal("TOKEN_NOT_FOUND", `there is no token ${args.id}`, { id: args.id });
  yield* run(REVOKE_TOKEN, args.now, args.id);
  return { ...row, revoked_at: row.revoked_at ?? args.now };
}

/** Notes when tokens were last used, many at once. */
export function* touchTokens(args: {
  used: readonly { id: string; at: number }[];
}): Generator<Statement, void, unknown> {
  for (const { id, at } of args.used) yield* run("UPDATE tokens SET last_used_at = ? WHERE id = ?", at, id);
}
