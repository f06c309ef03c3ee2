import { Delivery } from "./delivery.ts";
import { ConnectionLostError, NoResponderError } from "./errors.ts";
import { busLimits, type BusLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { TopicIndex } from "./topic-index.ts";
import type { CallExchange, Exchange, Link, Listener, Member, RequestExchange, Transport } from "./transport.ts";

/** What a hub can be made with. */
export interface LocalHubOptions {
  /** Those that differ from `BUS_LIMITS`. */
  readonly limits?: Partial<BusLimits>;
}

/**
 * The transport within one process: what is sent is delivered at once, in the caller's turn. What is sent while a
 * delivery goes on waits for its end, so that every listener sees messages in the order in which they were sent.
 */
export class LocalHub implements Transport {
  readonly limits: BusLimits;
  readonly #parts: HubParts;
  #isClosed = false;

  /** Refuses with a RangeError a limit that is none. */
  constructor({ limits }: LocalHubOptions = {}) {
    this.limits = busLimits(limits);
    const members = new Map<string, Member>();
    this.#parts = {
      index: new TopicIndex(this.limits["cache.topics"]),
      delivery: new Delivery(this.limits, (request) => ask(members, request)),
      members,
      links: new Set(),
    };
  }

  /** Throws a ConnectionLostError when the hub is closed. */
  join(member: Member): Link {
    if (this.#isClosed) throw closed();
    return new LocalLink(this.#parts, member);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#parts.links) {
      link.leave();
      link.member.cutOff(closed());
    }
    this.#parts.delivery.end(closed());
  }
}

interface HubParts {
  readonly index: TopicIndex<Listener>;
  readonly delivery: Delivery;
  /** Whom requests and calls go to: of two members with one id the newer. */
  readonly members: Map<string, Member>;
  readonly links: Set<LocalLink>;
}

class LocalLink implements Link {
  readonly member: Member;
  readonly #parts: HubParts;
  readonly #index: TopicIndex<Listener>;
  readonly #delivery: Delivery;
  readonly #listeners = new Set<Listener>();

  constructor(parts: HubParts, member: Member) {
    this.member = member;
    this.#parts = parts;
    this.#index = parts.index;
    this.#delivery = parts.delivery;
    parts.links.add(this);
    parts.members.set(member.pluginId, member);
  }

  publish(message: Message, signal?: AbortSignal): Promise<void> | undefined {
    // Who gets it is settled when it is sent: who subscribes while it waits came later.
    return this.#delivery.deliver(message, this.#index.match(message.topic), signal);
  }

  subscribe(listener: Listener): undefined {
    this.#listeners.add(listener);
    this.#index.add(listener);
  }

  unsubscribe(listener: Listener): void {
    if (this.#listeners.delete(listener)) this.#index.remove(listener);
  }

  request(exchange: RequestExchange): void {
    this.#delivery.request(exchange);
  }

  call(exchange: CallExchange): void {
    const { destination } = exchange;
    if (this.#parts.members.get(destination)?.takeCall(exchange)) return;
    void exchange.fail(new NoResponderError(`nobody serves plugin://${destination}/rpc`));
  }

  cancel(exchange: Exchange): void {
    exchange.taker?.abandoned();
  }

  // A member says itself whether it serves, when it is called.
  serve(): undefined {}

  unserve(): void {}

  leave(): undefined {
    for (const listener of this.#listeners) this.unsubscribe(listener);
    const { links, members } = this.#parts;
    links.delete(this);
    if (members.get(this.member.pluginId) === this.member) members.delete(this.member.pluginId);
  }
}

function ask(members: ReadonlyMap<string, Member>, request: RequestExchange): void {
  const { destination = "", topic } = request.message;
  const member = members.get(destination);
  if (member?.takeRequest(request)) return;
  const reason = member ? `plugin ${destination} does not listen to ${topic}` : `there is no plugin ${destination}`;
  void request.fail(new NoResponderError(`nobody can answer: ${reason}`));
}

function closed(): ConnectionLostError {
  return new ConnectionLostError("the hub was closed");
}
