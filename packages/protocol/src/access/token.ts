import * as z from "zod";

import { limit } from "../limits.ts";
import { TimestampSchema } from "../timestamp.ts";

/** What a credential may permit. `admin` permits everything. */
export const SCOPES = [
  "runs:read",
  "runs:write",
  "gates:decide",
  "sessions:read",
  "sessions:write",
  "sessions:type",
  "runners:read",
  "runners:write",
  "projects:write",
  "plugins:read",
  "plugins:call",
  "plugins:write",
  "plugins:approve",
  "webhooks:read",
  "webhooks:write",
  "admin",
] as const;
export const ScopeSchema = z.enum(SCOPES);
export type Scope = z.infer<typeof ScopeSchema>;

/** Who is asking, as the server's own records have it. */
export interface Principal {
  readonly kind: "token" | "local";
  readonly id: string;
  readonly orgId: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Whether a principal's scopes permit something. */
export function permits(principal: Pick<Principal, "scopes">, scope: Scope): boolean {
  return principal.scopes.has("admin") || principal.scopes.has(scope);
}

export const CreateTokenRequestSchema = z.strictObject({
  name: z.string().min(1).max(limit("token.nameLength")),
  scopes: z.array(ScopeSchema).min(1).max(SCOPES.length),
  expiresInMs: z.int().min(1_000).max(limit("token.lifeMs")).optional(),
});
export type CreateTokenRequest = z.infer<typeof CreateTokenRequestSchema>;

/** A token without its secret part. */
export const TokenSchema = z.object({
  id: z.string(),
  orgId: z.string(),
  name: z.string(),
  scopes: z.array(ScopeSchema),
  createdAt: TimestampSchema,
  expiresAt: TimestampSchema.optional(),
  lastUsedAt: TimestampSchema.optional(),
  revokedAt: TimestampSchema.optional(),
});
export type Token = z.infer<typeof TokenSchema>;
