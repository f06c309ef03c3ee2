import { TokenSchema, type CreateTokenRequest, type Token } from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

/** A new token with its secret part, which is shown this once. */
export type NewToken = Token & { readonly token: string };

const NewTokenSchema = TokenSchema.extend({ token: z.string() });
const TokenListSchema = z.object({ items: z.array(TokenSchema) });

/** Credentials of people and programs. */
export class TokensClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  list(options?: CallOptions): Promise<{ items: Token[] }> {
    return this.#requester.json({ path: "/tokens", ...options }, TokenListSchema);
  }

  create(request: CreateTokenRequest, options?: CallOptions): Promise<NewToken> {
    return this.#requester.json({ method: "POST", path: "/tokens", body: request, ...options }, NewTokenSchema);
  }

  /** Revokes a token; it is refused everywhere within seconds. */
  revoke(tokenId: string, options?: CallOptions): Promise<Token> {
    return this.#requester.json(
      { method: "DELETE", path: `/tokens/${encodeURIComponent(tokenId)}`, ...options },
      TokenSchema,
    );
  }
}
