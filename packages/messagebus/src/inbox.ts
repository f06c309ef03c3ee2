import { AskedRequests } from "./asked.ts";
import { NoResponderError, OverloadedError, UnknownMethodError, type BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import { warnOfListenerFailure, type ListenerErrorHook } from "./listener-errors.ts";
import type { Message } from "./message.ts";
import type { RpcMethods } from "./rpc-context.ts";
import { RunningCall, RunningCalls } from "./running-call.ts";
import { BusSubscription, type MessageHandler, type SubscribeOptions, type SubscriptionOwner } from "./subscription.ts";
import { TopicIndex } from "./topic-index.ts";
import type { CallExchange, Link, Member, RequestExchange, Transport } from "./transport.ts";

/** What inboxes are made with. */
export interface InboxOptions {
  readonly pluginId: string;
  readonly transport: Transport;
  readonly onListenerError: ListenerErrorHook;
  /** The link is gone for good. */
  readonly onCutOff: (error: BusError) => void;
}

/** What comes in for one plugin: the messages of its subscriptions, the requests it is asked, the calls of its server. */
export class Inbox implements Member, SubscriptionOwner {
  readonly pluginId: string;
  readonly link: Link;
  readonly limits: BusLimits;
  readonly asked: AskedRequests;
  readonly #onListenerError: ListenerErrorHook;
  readonly #onCutOff: (error: BusError) => void;
  readonly #subscriptions = new Set<BusSubscription>();
  /** The same subscriptions by topic, for requests, which ask the handlers of this plugin alone. */
  readonly #index: TopicIndex<BusSubscription>;
  readonly #running = new RunningCalls();
  #methods: RpcMethods | undefined;

  constructor({ pluginId, transport, onListenerError, onCutOff }: InboxOptions) {
    this.pluginId = pluginId;
    this.limits = transport.limits;
    this.#onListenerError = onListenerError;
    this.#onCutOff = onCutOff;
    this.asked = new AskedRequests(pluginId, this.limits);
    this.#index = new TopicIndex(this.limits["cache.topics"]);
    this.link = transport.join(this);
  }

  subscribe(pattern: string, handler: MessageHandler, options: SubscribeOptions): BusSubscription {
    const most = this.limits["subscriptions"];
    if (this.#subscriptions.size >= most) {
      throw new OverloadedError(`plugin ${this.pluginId} already has ${most} subscriptions`);
    }
    const subscription = new BusSubscription(this, pattern, handler, options);
    this.#subscriptions.add(subscription);
    this.#index.add(subscription);
    const ready = this.link.subscribe(subscription);
    if (ready) subscription.becomesReady(ready);
    return subscription;
  }

  /** Ends every subscription; who waits for an answer from here is told that none comes. */
  clear(reason: string): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.asked.failAll(reason);
  }

  /** Answers calls with these methods from now on, and no longer with those from before. */
  serve(methods: RpcMethods): Promise<void> | undefined {
    this.#methods = methods;
    const ready = this.link.serve();
    ready?.catch((error: unknown) => {
      if (this.#methods === methods) this.reportFailure(error, undefined, `plugin://${this.pluginId}/rpc`);
    });
    return ready;
  }

  /** Stops, if it is these methods that serve. Calls that run go on. */
  unserve(methods: RpcMethods): void {
    if (this.#methods !== methods) return;
    this.#methods = undefined;
    this.link.unserve();
  }

  /** Ends everything that comes in. */
  end(reason: string): void {
    this.clear(reason);
    if (this.#methods) this.unserve(this.#methods);
    this.#running.stopAll(new NoResponderError(reason));
  }

  takeRequest(exchange: RequestExchange): boolean {
    const { message } = exchange;
    const subscriptions = this.#index.match(message.topic);
    if (subscriptions.length === 0) return false;
    const asked = this.asked.take(exchange);
    if (!asked) return true;
    for (const subscription of subscriptions) subscription.offer(message, asked);
    return asked.offered();
  }

  takeCall(exchange: CallExchange): boolean {
    if (!this.#methods) return false;
    const { method } = exchange;
    const handler = this.#methods.find(method);
    if (!handler) {
      void exchange.fail(new UnknownMethodError(`plugin://${this.pluginId}/rpc has no method ${method}`));
      return true;
    }
    new RunningCall(exchange, this.limits, this.#running).run(handler);
    return true;
  }

  cutOff(error: BusError): void {
    this.#onCutOff(error);
  }

  drop(subscription: BusSubscription): void {
    this.#subscriptions.delete(subscription);
    this.#index.remove(subscription);
    this.link.unsubscribe(subscription);
  }

  reportFailure(error: unknown, message: Message | undefined, pattern: string): void {
    const failure = { error, message, pluginId: this.pluginId, pattern };
    try {
      this.#onListenerError(failure);
    } catch {
      // Who watches failures must not make new ones; the failure itself is still told.
      warnOfListenerFailure(failure);
    }
  }
}
