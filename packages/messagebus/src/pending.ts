import type { DeadlineQueue, Expiring } from "./deadlines.ts";
import { RequestTimeoutError, type BusError } from "./errors.ts";
import type { Message } from "./message.ts";
import type { CallExchange, Exchange, RequestExchange, Taker } from "./transport.ts";

/** Who keeps account of what is pending. */
export interface PendingOwner {
  /** It has ended, by an answer. */
  settled(pending: Pending): void;
  /** It has ended without one: the time is up or the signal was aborted. */
  givenUp(pending: Pending): void;
}

/** The asker's side of a request or call: a promise that is settled once, by whatever comes first. */
export abstract class Pending implements Exchange, Expiring {
  readonly promise: Promise<unknown>;
  readonly timeoutMs: number;
  taker: Taker | undefined = undefined;
  isOpen = true;
  dueMs = 0;
  earlier: Expiring | undefined = undefined;
  later: Expiring | undefined = undefined;
  queue: DeadlineQueue | undefined = undefined;
  readonly #owner: PendingOwner;
  readonly #signal: AbortSignal | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;

  constructor(owner: PendingOwner, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#owner = owner;
    this.timeoutMs = timeoutMs;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener("abort", this);
  }

  reply(value: unknown): boolean {
    if (!this.isOpen) return false;
    this.#end();
    this.#owner.settled(this);
    this.#resolve(value);
    return true;
  }

  fail(error: BusError): boolean {
    if (!this.isOpen) return false;
    this.#end();
    this.#owner.settled(this);
    this.#reject(error);
    return true;
  }

  /** The deadline is over. */
  expire(): void {
    this.giveUp(new RequestTimeoutError(`${this.question} was not answered within ${this.timeoutMs} ms`));
  }

  /** The signal was aborted; called by it. */
  handleEvent(): void {
    this.giveUp(this.#signal?.reason);
  }

  /** Ends it for the asker and tells who works on it. */
  giveUp(reason: unknown): void {
    if (!this.isOpen) return;
    this.#end();
    this.#owner.givenUp(this);
    this.#reject(reason);
  }

  /** What is waited for, in words. */
  protected abstract get question(): string;

  #end(): void {
    this.isOpen = false;
    this.#signal?.removeEventListener("abort", this);
  }
}

/** A request that waits for its answer. */
export class PendingRequest extends Pending implements RequestExchange {
  readonly message: Message;

  constructor(owner: PendingOwner, message: Message, timeoutMs: number, signal: AbortSignal | undefined) {
    super(owner, timeoutMs, signal);
    this.message = message;
  }

  protected override get question(): string {
    return `the request to ${this.message.destination} on ${this.message.topic}`;
  }
}

/** What a call is. */
export interface CallInput {
  readonly destination: string;
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** A call that waits for its result. */
export class PendingCall extends Pending implements CallExchange {
  readonly destination: string;
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(owner: PendingOwner, call: CallInput, timeoutMs: number, signal: AbortSignal | undefined) {
    super(owner, timeoutMs, signal);
    this.destination = call.destination;
    this.caller = call.caller;
    this.method = call.method;
    this.params = call.params;
    this.headers = call.headers;
  }

  protected override get question(): string {
    return `the call of ${this.method} at plugin://${this.destination}/rpc`;
  }
}
