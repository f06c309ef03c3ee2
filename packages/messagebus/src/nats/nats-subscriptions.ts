import type { Msg } from "@nats-io/transport-node";

import { BusError, ForbiddenTopicError, InvalidMessageError } from "../errors.ts";
import { GenerationCache } from "../generation-cache.ts";
import type { BusLimits } from "../limits.ts";
import { checkPluginId, SYSTEM_ID } from "../plugin-id.ts";
import { PatternBook, type PatternOrder } from "../remote/pattern-book.ts";
import { TopicIndex, type Indexed } from "../topic-index.ts";
import { canonicalTopic, isReservedTopic } from "../topic.ts";
import type { Listener } from "../transport.ts";
import { readMessage } from "./nats-bodies.ts";
import type { NatsLine, NatsSubscription } from "./nats-line.ts";
import type { NatsSubjects, SentOn } from "./nats-subjects.ts";

/** What subscription books are made with. */
export interface NatsSubscriptionsOptions {
  readonly subjects: NatsSubjects;
  readonly line: NatsLine;
  readonly limits: BusLimits;
  /** Something was left out. */
  readonly onWarning: (error: Error) => void;
}

/** A pattern on the server. */
interface PatternOnServer extends Indexed {
  readonly order: PatternOrder;
  subscription: NatsSubscription | undefined;
}

/**
 * The patterns of this process on the server, and the messages that come by them. A message on which several patterns match comes
 * by each of them, and is handed on once, to all listeners in their order.
 */
export class NatsSubscriptions {
  readonly #options: NatsSubscriptionsOptions;
  readonly #book: PatternBook;
  readonly #patterns = new Map<PatternOrder, PatternOnServer>();
  readonly #index: TopicIndex<PatternOnServer>;
  readonly #recent: GenerationCache<string, true>;
  /** Topics that have been checked. */
  readonly #topics: GenerationCache<string, true>;

  constructor(options: NatsSubscriptionsOptions) {
    const { limits } = options;
    this.#options = options;
    this.#book = new PatternBook(limits);
    this.#index = new TopicIndex(limits["cache.topics"]);
    this.#topics = new GenerationCache(limits["cache.topics"]);
    // Between half of a cache's size and all of it is remembered, and the limit is a promise.
    this.#recent = new GenerationCache(2 * limits["nats.remembered"]);
  }

  /** Subscribes to everything on a connection that has just been made. */
  open(): void {
    for (const pattern of this.#patterns.values()) this.#listen(pattern);
  }

  subscribe(listener: Listener): Promise<void> | undefined {
    const { order, isNew } = this.#book.add(listener);
    if (isNew) {
      const pattern: PatternOnServer = { pattern: order.pattern, priority: 0, order, subscription: undefined };
      this.#patterns.set(order, pattern);
      this.#index.add(pattern);
      if (this.#options.line.isOpen) this.#listen(pattern);
    }
    return order.answer;
  }

  unsubscribe(listener: Listener): void {
    const order = this.#book.remove(listener);
    if (order) this.#drop(order);
  }

  /** A message for everybody. */
  takePublished(incoming: Msg): void {
    this.#take(incoming, this.#options.subjects.readPublished(incoming.subject), undefined);
  }

  /** A message for one plugin of this process. */
  takeDirected(incoming: Msg, destination: string): void {
    this.#take(incoming, this.#options.subjects.readDirected(incoming.subject), destination);
  }

  /** There is no server any more. */
  end(error: BusError): void {
    this.#book.end(error);
  }

  #listen(pattern: PatternOnServer): void {
    const { subjects, line, onWarning } = this.#options;
    const { order } = pattern;
    const refuse = (cause: BusError) => {
      const error = new ForbiddenTopicError(`the server does not allow a subscription to ${order.pattern}`, { cause });
      this.#drop(order);
      this.#book.refuse(order, error);
      onWarning(error);
    };
    pattern.subscription = line.subscribe(
      subjects.publish("*", order.pattern),
      (incoming) => this.takePublished(incoming),
      { confirm: () => order.confirm(), refuse },
    );
  }

  #drop(order: PatternOrder): void {
    const pattern = this.#patterns.get(order);
    if (!pattern) return;
    this.#patterns.delete(order);
    this.#index.remove(pattern);
    pattern.subscription?.unsubscribe();
  }

  #take(incoming: Msg, { source, topic }: SentOn, destination: string | undefined): void {
    try {
      this.#checkEnvelope(source, topic);
      const message = readMessage(incoming.data, { source, topic, destination }, this.#options.limits);
      // What is sent to one plugin comes by one way.
      if (destination === undefined && this.#hasCome(topic, `${source} ${message.messageId}`)) return;
      this.#book.deliver(message);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      this.#options.onWarning(error);
    }
  }

  /** The permissions of the server keep plugins to their names and topics; where it has none, this is what is left. */
  #checkEnvelope(source: string, topic: string): void {
    checkPluginId(source);
    if (!this.#topics.get(topic)) {
      canonicalTopic(topic, this.#options.limits);
      this.#topics.set(topic, true);
    }
    if (source !== SYSTEM_ID && isReservedTopic(topic)) {
      throw new InvalidMessageError(`plugin ${source} sent on ${topic}, which only the host of plugins does`);
    }
  }

  /** Whether it has come by another pattern before. Patterns may come and go between the two. */
  #hasCome(topic: string, id: string): boolean {
    const isExpectedAgain = this.#index.match(topic).length > 1;
    if (this.#recent.size > 0 && this.#recent.get(id)) return true;
    if (isExpectedAgain) this.#recent.set(id, true);
    return false;
  }
}
