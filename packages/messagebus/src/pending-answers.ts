import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { OverloadedError, type BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { PendingCall, PendingRequest, type CallInput, type Pending, type PendingOwner } from "./pending.ts";
import type { Link } from "./transport.ts";

/** Every request and call of one plugin that waits for its answer, and when it waits no more. */
export class PendingAnswers implements PendingOwner {
  readonly #link: Link;
  readonly #limits: BusLimits;
  readonly #deadlines: Deadlines;
  #open = 0;
  #endedBy: BusError | undefined;

  constructor(link: Link, limits: BusLimits, clock: Clock) {
    this.#link = link;
    this.#limits = limits;
    this.#deadlines = new Deadlines(clock);
  }

  /** Sends a request; resolves to its answer. */
  request(message: Message, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    this.#admit();
    const pending = new PendingRequest(this, message, timeoutMs, signal);
    this.#open++;
    this.#link.request(pending);
    return this.#waitFor(pending);
  }

  /** Sends a call; resolves to its result. */
  call(call: CallInput, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    this.#admit();
    const pending = new PendingCall(this, call, timeoutMs, signal);
    this.#open++;
    this.#link.call(pending);
    return this.#waitFor(pending);
  }

  /** Everything that waits fails with the error, and so does what comes later. */
  end(error: BusError): void {
    this.#endedBy = error;
    // The deadlines hold pending answers only.
    for (const pending of this.#deadlines.drain()) (pending as Pending).giveUp(error);
  }

  settled(pending: Pending): void {
    this.#open--;
    this.#deadlines.remove(pending);
  }

  givenUp(pending: Pending): void {
    this.settled(pending);
    this.#link.cancel(pending);
  }

  #admit(): void {
    const most = this.#limits["request.pending"];
    if (this.#open >= most) throw new OverloadedError(`${most} requests and calls already wait for their answers`);
  }

  #waitFor(pending: Pending): Promise<unknown> {
    // In one process the answer may be there already; and a handler may have closed this bus.
    if (pending.isOpen) {
      if (this.#endedBy) pending.giveUp(this.#endedBy);
      else this.#deadlines.add(pending, pending.timeoutMs);
    }
    return pending.promise;
  }
}
