import {
  CreateTokenRequestSchema,
  limit,
  SESSION_SOCKET_PATH,
  toTimestamp,
  type ApiResponse,
  type CreateTokenRequest,
  type Principal,
  type Scope,
  type Token,
} from "@signalbox/protocol";
import { readToken, readTokens, type SignalboxStore, type TokenRow } from "@signalbox/store";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import { newSecretToken, readSecretToken } from "./secret-token.ts";
import { Tickets } from "./tickets.ts";

const MAX_CACHED = 10_000;

interface Known {
  readonly principal: Principal;
  readonly hash: Buffer;
  readonly expiresAt: number | null;
  /** Monotonic; after it the store is asked again. */
  readonly freshUntil: number;
}

/** What a `TokenHandler` works with. */
export interface TokenHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  /** Whether a run is the org's, for tickets. */
  readonly hasRun: (runId: string, context: RequestContext) => Promise<void>;
  /** Told when a token was revoked here, for who holds something open because of it. */
  readonly onRevoked?: (tokenId: string) => void;
}

/** API tokens: made, listed, revoked, and recognised on requests. */
export class TokenHandler {
  readonly #deps: TokenHandlerDeps;
  readonly #tickets: Tickets;
  readonly #known = new Map<string, Known>();
  readonly #used = new Map<string, number>();

  constructor(deps: TokenHandlerDeps) {
    this.#deps = deps;
    this.#tickets = new Tickets({ clock: deps.clock });
  }

  /** Makes a token. Its text is in the answer and nowhere else; the store has a hash. */
  async createToken(
    request: CreateTokenRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Token & { token: string }>> {
    return answer(async () => {
      requireScope(context, "admin");
      const { name, scopes, expiresInMs } = check(CreateTokenRequestSchema, request);
      const { id, text, hash } = newSecretToken("sbx");
      const now = this.#deps.clock.now();
      const row = await this.#deps.store.run("createToken", {
        id,
        org_id: context.principal.orgId,
        name,
        scopes: JSON.stringify([...new Set(scopes)]),
        hash: hash.toString("hex"),
        created_at: now,
        expires_at: expiresInMs === undefined ? null : now + expiresInMs,
      });
      return { ...toToken(row), token: text };
    });
  }

  /** The org's tokens, without their secret parts, newest first. */
  async listTokens(context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<{ items: Token[] }>> {
    return answer(async () => {
      requireScope(context, "admin");
      const rows = await this.#deps.store.view(() => readTokens(context.principal.orgId));
      return { items: rows.map(toToken) };
    });
  }

  /** Ends a token for good; within `revocation.ms` no server takes it any more. */
  async revokeToken(tokenId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Token>> {
    return answer(async () => {
      requireScope(context, "admin");
      const now = this.#deps.clock.now();
      const row = await this.#deps.store.run("revokeToken", {
        id: tokenId,
        orgId: context.principal.orgId,
        now,
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      this.#known.delete(tokenId);
      this.#deps.onRevoked?.(tokenId);
      return toToken(row);
    });
  }

  /** Who a bearer token stands for; undefined for nobody. Answered from memory for at most `revocation.ms`. */
  async authenticate(bearer: string): Promise<Principal | undefined> {
    const token = readSecretToken("sbx", bearer);
    if (!token) return undefined;
    const known = await this.#lookUp(token.id);
    if (!known || !token.isOf(known.hash)) return undefined;
    if (known.expiresAt !== null && known.expiresAt <= this.#deps.clock.now()) return undefined;
    this.#used.set(token.id, this.#deps.clock.now());
    return known.principal;
  }

  /** Whether a principal that was recognised before would be so again: false once its token is revoked or out of time. */
  async isStillGood(principal: Principal): Promise<boolean> {
    if (principal.kind === "local") return true;
    const known = await this.#lookUp(principal.id);
    return known !== undefined && (known.expiresAt === null || known.expiresAt > this.#deps.clock.now());
  }

  /** A single-use ticket that opens the event stream of one run, for callers that cannot send a header. */
  async createTicket(
    runId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ ticket: string; expiresAt: string }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      await this.#deps.hasRun(runId, context);
      return this.#tickets.issue(runId, context.principal);
    });
  }

  /** Uses up a ticket; undefined when it is not for this run, used, or too old. */
  redeemTicket(ticket: string, runId: string): Principal | undefined {
    return this.#tickets.redeem(ticket, runId);
  }

  /** A single-use ticket that opens the socket of sessions, for callers that cannot send a header. */
  async createSocketTicket(
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ ticket: string; expiresAt: string }>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      return this.#tickets.issue(SESSION_SOCKET_PATH, context.principal);
    });
  }

  /** Uses up a ticket; undefined when it is not for the socket of sessions, used, or too old. */
  redeemSocketTicket(ticket: string): Principal | undefined {
    return this.#tickets.redeem(ticket, SESSION_SOCKET_PATH);
  }

  /** Writes when tokens were last used. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return;
    const used = [...this.#used].map(([id, at]) => ({ id, at }));
    this.#used.clear();
    await this.#deps.store.run("touchTokens", { used });
  }

  async #lookUp(id: string): Promise<Known | undefined> {
    const cached = this.#known.get(id);
    if (cached && cached.freshUntil > this.#deps.clock.monotonic()) return cached;
    const row = await this.#deps.store.view(() => readToken(id));
    // A plugin's token opens its connection to the bus and nothing else.
    if (!row || row.revoked_at !== null || row.plugin_id !== null) {
      this.#known.delete(id);
      return undefined;
    }
    const known: Known = {
      principal: { kind: "token", id: row.id, orgId: row.org_id, scopes: new Set(JSON.parse(row.scopes) as Scope[]) },
      hash: Buffer.from(row.hash, "hex"),
      expiresAt: row.expires_at,
      freshUntil: this.#deps.clock.monotonic() + limit("revocation.ms"),
    };
    if (this.#known.size >= MAX_CACHED) this.#known.clear();
    this.#known.set(id, known);
    return known;
  }
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAt: toTimestamp(row.created_at),
    ...(row.expires_at === null ? {} : { expiresAt: toTimestamp(row.expires_at) }),
    ...(row.last_used_at === null ? {} : { lastUsedAt: toTimestamp(row.last_used_at) }),
    ...(row.revoked_at === null ? {} : { revokedAt: toTimestamp(row.revoked_at) }),
  };
}
