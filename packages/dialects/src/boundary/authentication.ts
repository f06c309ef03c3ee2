import type { IncomingMessage } from "node:http";
import type { BlockList } from "node:net";

import type { ControlPlane } from "@signalbox/control-plane";
import { permits, type Principal } from "@signalbox/protocol";

import { Refusal } from "../refusal.ts";
import type { Permission } from "../route.ts";
import { clientAddress } from "./client-address.ts";
import type { RateLimit } from "./rate-limit.ts";

/** Collaborators and settings of `Authentication`. */
export interface AuthenticationSettings {
  readonly controlPlane: Pick<ControlPlane, "tokens" | "link">;
  /** Who everybody is on a server without authentication. Absent: a credential is demanded. */
  readonly everybody?: Principal | undefined;
  readonly rateLimit: RateLimit;
  readonly trustedProxies?: BlockList | undefined;
}

/** The runner behind a connection token. */
export interface ConnectedRunner {
  readonly runnerId: string;
  readonly orgId: string;
}

/** Who asks: a principal, a connected runner, or nobody where nobody needs to be known. */
export interface Caller {
  readonly principal?: Principal;
  readonly runner?: ConnectedRunner;
}

const NOBODY: Caller = {};
const BEARER = "Bearer ";

/** Finds out who asks and whether they may; what a caller may is read from the server's own records only. */
export class Authentication {
  readonly #controlPlane: Pick<ControlPlane, "tokens" | "link">;
  readonly #everybody: Caller | undefined;
  readonly #rateLimit: RateLimit;
  readonly #trustedProxies: BlockList | undefined;

  constructor({ controlPlane, everybody, rateLimit, trustedProxies }: AuthenticationSettings) {
    this.#controlPlane = controlPlane;
    this.#everybody = everybody && { principal: everybody };
    this.#rateLimit = rateLimit;
    this.#trustedProxies = trustedProxies;
  }

  /** The caller of a route with this permission; a refusal when there is no credential or it is not enough. */
  async admit(incoming: IncomingMessage, permission: Permission, ticket?: StreamTicket): Promise<Caller> {
    if (permission === "public") return this.#admitAnybody(incoming);
    if (permission === "runner") return this.#admitRunner(incoming);
    const caller = this.#everybody ?? (await this.#identify(incoming, ticket));
    if (caller.principal && permits(caller.principal, permission)) return caller;
    throw new Refusal("FORBIDDEN", `this needs a token with the scope ${permission}`, { scope: permission });
  }

  /** Whether the credential behind a principal still stands, however it came: as a header or for a ticket. */
  async isStillGood(principal: Principal): Promise<boolean> {
    return this.#everybody !== undefined || this.#controlPlane.tokens.isStillGood(principal);
  }

  #admitAnybody(incoming: IncomingMessage): Caller {
    this.#count(incoming);
    return NOBODY;
  }

  #admitRunner(incoming: IncomingMessage): Caller {
    const bearer = bearerOf(incoming);
    const runner = bearer === undefined ? undefined : this.#controlPlane.link.authenticateConnection(bearer);
    if (runner) return { runner };
    throw this.#unknown(incoming);
  }

  async #identify(incoming: IncomingMessage, ticket: StreamTicket | undefined): Promise<Caller> {
    const bearer = bearerOf(incoming);
    const { tokens } = this.#controlPlane;
    const principal =
      bearer === undefined
        ? ticket && tokens.redeemTicket(ticket.ticket, ticket.runId)
        : await tokens.authenticate(bearer);
    if (principal) return { principal };
    throw this.#unknown(incoming);
  }

  #unknown(incoming: IncomingMessage): Refusal {
    this.#count(incoming);
    return new Refusal("UNAUTHORIZED", "this needs a valid token: Authorization: Bearer <token>");
  }

  #count(incoming: IncomingMessage): void {
    if (this.#everybody || this.#rateLimit.take(clientAddress(incoming, this.#trustedProxies))) return;
    throw new Refusal("RATE_LIMITED", "too many requests without a valid token from this address");
  }
}

/** A ticket that came in a query, and the run whose streams it must be for. */
export interface StreamTicket {
  readonly ticket: string;
  readonly runId: string;
}

function bearerOf(incoming: IncomingMessage): string | undefined {
  const header = incoming.headers.authorization;
  return header?.startsWith(BEARER) === true ? header.slice(BEARER.length) : undefined;
}
