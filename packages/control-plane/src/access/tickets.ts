import { randomBytes } from "node:crypto";

import { limit, toTimestamp, type Principal } from "@signalbox/protocol";

import type { Clock } from "../clock.ts";

interface Ticket {
  readonly subject: string;
  readonly principal: Principal;
  readonly expiresAt: number;
}

const MAX_OPEN = 100_000;

/** Single-use tickets for streams and sockets, in memory: a restart ends them, and a browser asks for another. */
export class Tickets {
  readonly #clock: Clock;
  readonly #open = new Map<string, Ticket>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** A new ticket for one thing to open and one principal. */
  issue(subject: string, principal: Principal): { ticket: string; expiresAt: string } {
    this.#dropOld();
    const ticket = randomBytes(32).toString("base64url");
    const ttlMs = limit("ticket.ttlMs");
    this.#open.set(ticket, { subject, principal, expiresAt: this.#clock.monotonic() + ttlMs });
    return { ticket, expiresAt: toTimestamp(this.#clock.now() + ttlMs) };
  }

  /** Uses up a ticket. */
  redeem(ticket: string, subject: string): Principal | undefined {
    const found = this.#open.get(ticket);
    this.#open.delete(ticket);
    return found && found.subject === subject && found.expiresAt > this.#clock.monotonic()
      ? found.principal
      : undefined;
  }

  /** Tickets are in the order in which they run out. */
  #dropOld(): void {
    for (const [ticket, { expiresAt }] of this.#open) {
      if (expiresAt > this.#clock.monotonic() && this.#open.size < MAX_OPEN) return;
      this.#open.delete(ticket);
    }
  }
}
