import { ConnectionLostError, NoResponderError, OverloadedError, type BusError } from "./errors.ts";
import { busLimits, type BusLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { TopicIndex } from "./topic-index.ts";
import type { CallExchange, Exchange, Link, Listener, Member, RequestExchange, Transport } from "./transport.ts";

/** What a hub can be made with. */
export interface LocalHubOptions {
  readonly limits?: Partial<BusLimits>;
}

/**
 * The transport within one process: what is sent is delivered at once, in the caller's turn. What is sent while a
 * delivery goes on waits for its end, so that every listener sees messages in the order in which they were sent.
 */
export class LocalHub implements Transport {
  readonly limits: BusLimits;
  readonly #index: TopicIndex<Listener>;
  readonly #links = new Set<LocalLink>();
  /** Whom requests and calls go to: of two members with one id the newer. */
  readonly #members = new Map<string, Member>();
  readonly #queue: WaitingQueue;
  #isDelivering = false;
  #isDrainDue = false;
  #isClosed = false;

  constructor({ limits }: LocalHubOptions = {}) {
    this.limits = busLimits(limits);
    this.#index = new TopicIndex(this.limits["cache.topics"]);
    this.#queue = new WaitingQueue(this.limits["queue.messages"]);
  }

  join(member: Member): Link {
    if (this.#isClosed) throw closed();
    const link = new LocalLink(this, member);
    this.#links.add(link);
    this.#members.set(member.pluginId, member);
    return link;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const link of this.#links) {
      link.leave();
      link.member.cutOff(closed());
    }
    this.#queue.fail(closed());
  }

  /** For links. */
  publish(message: Message, signal?: AbortSignal): Promise<void> | undefined {
    // Who gets it is settled when it is sent: who subscribes while it waits came later.
    const listeners = this.#index.match(message.topic);
    if (this.#isDelivering || this.#queue.first) return this.#queue.addMessage(message, listeners, signal);
    this.#isDelivering = true;
    try {
      for (let index = 0; index < listeners.length; index++) listeners[index]?.deliver(message);
      if (this.#queue.first) this.#drain();
    } finally {
      this.#isDelivering = false;
      if (this.#queue.first) this.#drainLater();
    }
    return undefined;
  }

  /** For links. */
  request(exchange: RequestExchange): void {
    if (this.#isDelivering || this.#queue.first) return this.#queue.addRequest(exchange);
    this.#isDelivering = true;
    try {
      this.#ask(exchange);
      if (this.#queue.first) this.#drain();
    } finally {
      this.#isDelivering = false;
      if (this.#queue.first) this.#drainLater();
    }
  }

  /** For links. */
  call(exchange: CallExchange): void {
    const member = this.#members.get(exchange.destination);
    if (!member?.takeCall(exchange)) {
      void exchange.fail(new NoResponderError(`no plugin ${exchange.destination} serves RPC`));
    }
  }

  /** For links. */
  subscribe(listener: Listener): void {
    this.#index.add(listener);
  }

  /** For links. */
  unsubscribe(listener: Listener): void {
    this.#index.remove(listener);
  }

  /** For links. */
  leave(link: LocalLink): void {
    this.#links.delete(link);
    const { member } = link;
    if (this.#members.get(member.pluginId) === member) this.#members.delete(member.pluginId);
  }

  #ask(exchange: RequestExchange): void {
    const { destination = "", topic } = exchange.message;
    const member = this.#members.get(destination);
    if (member?.takeRequest(exchange)) return;
    const why = member ? `does not subscribe to ${topic}` : "is not there";
    void exchange.fail(new NoResponderError(`nobody can answer: plugin ${destination} ${why}`));
  }

  #drain(): void {
    for (let left = this.limits["queue.batch"]; left > 0 && this.#queue.first; left--) {
      const item = this.#queue.take();
      if (!item.exchange) item.deliver();
      else if (item.exchange.isOpen) this.#ask(item.exchange);
    }
  }

  /** Handlers that publish to each other without end must not take the process; or a listener broke its promise not to throw. */
  #drainLater(): void {
    if (this.#isDrainDue) return;
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      this.#isDelivering = true;
      try {
        this.#drain();
      } finally {
        this.#isDelivering = false;
        if (this.#queue.first) this.#drainLater();
      }
    });
  }
}

class LocalLink implements Link {
  readonly member: Member;
  readonly #hub: LocalHub;
  readonly #listeners = new Set<Listener>();

  constructor(hub: LocalHub, member: Member) {
    this.#hub = hub;
    this.member = member;
  }

  publish(message: Message, signal?: AbortSignal): Promise<void> | undefined {
    return this.#hub.publish(message, signal);
  }

  subscribe(listener: Listener): undefined {
    this.#listeners.add(listener);
    this.#hub.subscribe(listener);
  }

  unsubscribe(listener: Listener): void {
    if (this.#listeners.delete(listener)) this.#hub.unsubscribe(listener);
  }

  request(exchange: RequestExchange): void {
    this.#hub.request(exchange);
  }

  call(exchange: CallExchange): void {
    this.#hub.call(exchange);
  }

  cancel(exchange: Exchange): void {
    exchange.taker?.abandoned();
  }

  // The hub asks the member itself whether it serves.
  serve(): undefined {}

  unserve(): void {}

  leave(): undefined {
    for (const listener of this.#listeners) this.#hub.unsubscribe(listener);
    this.#listeners.clear();
    this.#hub.leave(this);
  }
}

/** What was sent during a delivery, in order. */
class WaitingQueue {
  first: Waiting | undefined;
  readonly #most: number;
  #last: Waiting | undefined;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  addMessage(message: Message, listeners: readonly Listener[], signal: AbortSignal | undefined): Promise<void> {
    if (this.#length >= this.#most) return Promise.reject(this.#overloaded());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#add(new Waiting({ message, listeners, signal, resolve, reject }, undefined));
    return promise;
  }

  addRequest(exchange: RequestExchange): void {
    if (this.#length >= this.#most) void exchange.fail(this.#overloaded());
    else this.#add(new Waiting(undefined, exchange));
  }

  /** The first of a queue that is not empty. */
  take(): Waiting {
    const { first } = this;
    if (!first) throw new Error("nothing waits");
    this.first = first.next;
    if (!this.first) this.#last = undefined;
    this.#length--;
    return first;
  }

  fail(error: BusError): void {
    while (this.first) this.take().fail(error);
  }

  #add(item: Waiting): void {
    if (this.#last) this.#last.next = item;
    else this.first = item;
    this.#last = item;
    this.#length++;
  }

  #overloaded(): OverloadedError {
    return new OverloadedError(`${this.#most} messages already wait for a delivery to end`);
  }
}

interface WaitingMessage {
  readonly message: Message;
  readonly listeners: readonly Listener[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A message or a request. */
class Waiting {
  readonly exchange: RequestExchange | undefined;
  next: Waiting | undefined;
  readonly #sent: WaitingMessage | undefined;

  constructor(sent: WaitingMessage | undefined, exchange: RequestExchange | undefined) {
    this.#sent = sent;
    this.exchange = exchange;
  }

  deliver(): void {
    if (!this.#sent) return;
    const { message, listeners, signal, resolve, reject } = this.#sent;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    try {
      for (const listener of listeners) listener.deliver(message);
    } finally {
      resolve();
    }
  }

  fail(error: BusError): void {
    this.#sent?.reject(error);
    void this.exchange?.fail(error);
  }
}

function closed(): ConnectionLostError {
  return new ConnectionLostError("the hub was closed");
}
