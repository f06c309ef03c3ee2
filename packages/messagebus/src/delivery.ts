import { OverloadedError, type BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Listener, RequestExchange } from "./transport.ts";

/**
 * Keeps the order of what is sent in one process. What comes while nothing is being delivered is delivered at once. What is
 * sent by handlers waits until every listener has had what came before, and is then delivered by whoever began.
 */
export class Delivery {
  readonly #most: number;
  readonly #batch: number;
  readonly #ask: (request: RequestExchange) => void;
  #isBusy = false;
  #isDrainDue = false;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #length = 0;

  /** `ask` hands a request to the plugin that it is for. */
  constructor(limits: BusLimits, ask: (request: RequestExchange) => void) {
    this.#most = limits["queue.messages"];
    this.#batch = limits["queue.batch"];
    this.#ask = ask;
  }

  /** Undefined: it has been delivered. A promise: it waits, and is dropped when the signal is aborted before its turn. */
  deliver(
    message: Message,
    listeners: readonly Listener[],
    signal: AbortSignal | undefined,
  ): Promise<void> | undefined {
    if (this.#isBusy || this.#first) {
      if (this.#length >= this.#most) return Promise.reject(this.#overloaded());
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#add(new WaitingMessage(message, listeners, signal, resolve, reject));
      return promise;
    }
    this.#isBusy = true;
    try {
      for (let index = 0; index < listeners.length; index++) listeners[index]?.deliver(message);
      if (this.#first) this.#drain();
    } finally {
      this.#rest();
    }
    return undefined;
  }

  request(exchange: RequestExchange): void {
    if (this.#isBusy || this.#first) {
      if (this.#length >= this.#most) void exchange.fail(this.#overloaded());
      else this.#add(new WaitingRequest(exchange, this.#ask));
      return;
    }
    this.#isBusy = true;
    try {
      this.#ask(exchange);
      if (this.#first) this.#drain();
    } finally {
      this.#rest();
    }
  }

  /** What waits fails. */
  end(error: BusError): void {
    for (let item = this.#take(); item; item = this.#take()) item.fail(error);
  }

  #drain(): void {
    for (let left = this.#batch; left > 0; left--) {
      const item = this.#take();
      if (!item) return;
      item.go();
    }
  }

  /** Something is left when a batch is over, or when a listener broke its promise not to throw. */
  #rest(): void {
    this.#isBusy = false;
    if (!this.#first || this.#isDrainDue) return;
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      this.#isBusy = true;
      try {
        this.#drain();
      } finally {
        this.#rest();
      }
    });
  }

  #add(item: Waiting): void {
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.#length++;
  }

  #take(): Waiting | undefined {
    const item = this.#first;
    if (!item) return undefined;
    this.#first = item.next;
    if (!this.#first) this.#last = undefined;
    this.#length--;
    return item;
  }

  #overloaded(): OverloadedError {
    return new OverloadedError(`${this.#most} messages already wait for a delivery to end`);
  }
}

interface Waiting {
  next: Waiting | undefined;
  go(): void;
  fail(error: BusError): void;
}

class WaitingMessage implements Waiting {
  next: Waiting | undefined = undefined;
  readonly #message: Message;
  readonly #listeners: readonly Listener[];
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;

  constructor(
    message: Message,
    listeners: readonly Listener[],
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (reason: unknown) => void,
  ) {
    this.#message = message;
    this.#listeners = listeners;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  go(): void {
    if (this.#signal?.aborted) return this.#reject(this.#signal.reason);
    try {
      for (const listener of this.#listeners) listener.deliver(this.#message);
    } finally {
      this.#resolve();
    }
  }

  fail(error: BusError): void {
    this.#reject(error);
  }
}

class WaitingRequest implements Waiting {
  next: Waiting | undefined = undefined;
  readonly #exchange: RequestExchange;
  readonly #ask: (request: RequestExchange) => void;

  constructor(exchange: RequestExchange, ask: (request: RequestExchange) => void) {
    this.#exchange = exchange;
    this.#ask = ask;
  }

  go(): void {
    // Its asker may have given up meanwhile.
    if (this.#exchange.isOpen) this.#ask(this.#exchange);
  }

  fail(error: BusError): void {
    void this.#exchange.fail(error);
  }
}
