import type { BusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import type { Message } from "../message.ts";
import { TopicIndex } from "../topic-index.ts";
import type { Listener } from "../transport.ts";
import { StandingOrder } from "./standing-order.ts";

/** A pattern that the other side is asked for, on behalf of all listeners that have it. */
export class PatternOrder extends StandingOrder {
  readonly pattern: string;
  /** For the book. */
  readonly listeners = new Set<Listener>();

  constructor(pattern: string) {
    super();
    this.pattern = pattern;
  }
}

/**
 * The listeners of this process on a remote transport. The other side is asked once for each pattern, however many listen; what
 * comes in is handed to the listeners here, in the order of their priority.
 */
export class PatternBook {
  readonly #index: TopicIndex<Listener>;
  readonly #orders = new Map<string, PatternOrder>();

  constructor(limits: BusLimits) {
    this.#index = new TopicIndex(limits["cache.topics"]);
  }

  /** Every pattern that is listened to. */
  get orders(): Iterable<PatternOrder> {
    return this.#orders.values();
  }

  /** Adds a listener. The order for its pattern, and whether it is new, so that the other side is to be asked. */
  add(listener: Listener): { readonly order: PatternOrder; readonly isNew: boolean } {
    const known = this.#orders.get(listener.pattern);
    const order = known ?? new PatternOrder(listener.pattern);
    if (!known) this.#orders.set(listener.pattern, order);
    order.listeners.add(listener);
    this.#index.add(listener);
    return { order, isNew: known === undefined };
  }

  /** Removes a listener. The order for its pattern when that was the last, so that the other side is to be told. */
  remove(listener: Listener): PatternOrder | undefined {
    const order = this.#orders.get(listener.pattern);
    if (!order?.listeners.delete(listener)) return undefined;
    this.#index.remove(listener);
    if (order.listeners.size > 0) return undefined;
    this.#orders.delete(order.pattern);
    // Whoever still waits for it waits for nothing: what is not wanted any more is as good as done.
    order.confirm();
    return order;
  }

  /** The other side does not allow a pattern: its listeners get nothing. */
  refuse(order: PatternOrder, error: BusError): void {
    if (this.#orders.get(order.pattern) !== order) return;
    this.#orders.delete(order.pattern);
    for (const listener of order.listeners) this.#index.remove(listener);
    order.refuse(error);
  }

  /** Hands a message to whoever listens here. */
  deliver(message: Message): void {
    const listeners = this.#index.match(message.topic);
    for (let index = 0; index < listeners.length; index++) listeners[index]?.deliver(message);
  }

  /** There is no other side any more. */
  end(error: BusError): void {
    for (const order of this.#orders.values()) order.refuse(error);
  }
}
