import {
  LocalHub,
  MessageBus,
  type Link,
  type Listener,
  type Member,
  type Message,
  type Transport,
} from "@signalbox/messagebus";

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a network does to messages, as parts of 1. */
export interface Faults {
  readonly loss: number;
  readonly duplication: number;
}

interface OnTheWay {
  readonly to: string;
  readonly message: Message;
  readonly deliver: () => void;
}

/**
 * A hub between hosts, each with buses of its own. While it is reliable, messages arrive at once; otherwise those on `…/state/sync` wait
 * until `deliver`, which loses, duplicates and reorders them. Hosts in different parts of a partition never hear each other.
 */
export class LossyNetwork {
  readonly #hub = new LocalHub();
  readonly #random: () => number;
  readonly #senders = new WeakMap<Message, string>();
  readonly #partOf = new Map<string, number>();
  #onTheWay: OnTheWay[] = [];
  isReliable = true;
  /** How many state messages were carried to a host. */
  carried = 0;

  constructor(seed = 1) {
    this.#random = seeded(seed);
  }

  /** A bus of a plugin on a host. */
  bus(host: string, pluginId: string): MessageBus {
    const transport: Transport = {
      limits: this.#hub.limits,
      join: (member) => this.#link(host, member),
      close: async () => {},
    };
    return new MessageBus({ pluginId, transport });
  }

  /** Divides the hosts; who is not named is with the first part. Without parts all are together. */
  partition(...parts: readonly (readonly string[])[]): void {
    this.#partOf.clear();
    for (const [index, hosts] of parts.entries()) for (const host of hosts) this.#partOf.set(host, index);
  }

  /** Carries what is on the way, and what is sent upon it, in any order, at most so many messages. */
  deliver({ loss, duplication }: Faults, atMost = 500): void {
    for (let count = 0; count < atMost && this.#onTheWay.length > 0; count++) {
      const index = Math.floor(this.#random() * this.#onTheWay.length);
      const item = this.#onTheWay[index] as OnTheWay;
      const isLost = this.#random() < loss;
      if (isLost || this.#random() >= duplication) this.#onTheWay.splice(index, 1);
      if (!isLost) this.#carry(item);
    }
  }

  /** From now on nothing is lost; what was on the way is. */
  heal(): void {
    this.partition();
    this.#onTheWay = [];
    this.isReliable = true;
  }

  #link(host: string, member: Member): Link {
    const link = this.#hub.join(member);
    const wrappers = new Map<Listener, Listener>();
    return {
      publish: (message, signal) => {
        this.#senders.set(message, host);
        return link.publish(message, signal);
      },
      subscribe: (listener) => {
        const wrapper = this.#wrap(host, listener);
        wrappers.set(listener, wrapper);
        return link.subscribe(wrapper);
      },
      unsubscribe: (listener) => {
        const wrapper = wrappers.get(listener);
        if (wrapper) link.unsubscribe(wrapper);
        wrappers.delete(listener);
      },
      request: (request) => link.request(request),
      call: (call) => link.call(call),
      cancel: (exchange) => link.cancel(exchange),
      serve: () => link.serve(),
      unserve: () => link.unserve(),
      leave: () => link.leave(),
    };
  }

  #wrap(host: string, listener: Listener): Listener {
    const { pattern, priority } = listener;
    return { pattern, priority, deliver: (message) => this.#offer(host, message, () => listener.deliver(message)) };
  }

  #offer(to: string, message: Message, deliver: () => void): void {
    if (!message.topic.endsWith("/state/sync") || this.#senders.get(message) === to) return deliver();
    if (this.isReliable) this.#carry({ to, message, deliver });
    else this.#onTheWay.push({ to, message, deliver });
  }

  #carry({ to, message, deliver }: OnTheWay): void {
    const from = this.#senders.get(message) ?? "";
    if ((this.#partOf.get(from) ?? 0) !== (this.#partOf.get(to) ?? 0)) return;
    this.carried++;
    deliver();
  }
}
