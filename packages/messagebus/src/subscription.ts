import type { AskedRequest } from "./asked.ts";
import type { Message } from "./message.ts";
import { isThenable } from "./thenable.ts";
import type { Listener } from "./transport.ts";

/** Takes a message. What it returns is not waited for; a promise that rejects is reported like a throw. */
// oxlint-disable-next-line typescript/no-explicit-any -- see Message
export type MessageHandler<Payload = any> = (message: Message<Payload>) => unknown;

/** How `subscribe` can be made to choose. */
// oxlint-disable-next-line typescript/no-explicit-any -- see Message
export interface SubscribeOptions<Payload = any> {
  /** Only messages for which it returns true are handed over. One that throws is reported and counts as false. */
  readonly filter?: ((message: Message<Payload>) => boolean) | undefined;
  /** Among the handlers of this process the higher is called first; any number, default 0. */
  readonly priority?: number | undefined;
  /** Ends the subscription when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A subscription in force. */
export interface Subscription extends Disposable {
  /** In canonical form. */
  readonly pattern: string;
  /**
   * Resolves when messages from everywhere reach it: at once in process, on other transports when the other side has said so.
   * Rejects with a ForbiddenTopicError or ConnectionLostError where it has refused; it need not be looked at.
   */
  readonly ready: Promise<void>;
  /** Ends it at once, during a delivery too. Harmless when it has ended. */
  unsubscribe(): void;
}

/** The bus that a subscription belongs to. */
export interface SubscriptionOwner {
  readonly pluginId: string;
  drop(subscription: BusSubscription): void;
  reportFailure(error: unknown, message: Message | undefined, pattern: string): void;
}

/** One handler with its filter; sees to it that nothing which it does reaches anybody else. */
export class BusSubscription implements Subscription, Listener {
  readonly pattern: string;
  readonly priority: number;
  readonly #owner: SubscriptionOwner;
  readonly #handler: MessageHandler;
  readonly #filter: ((message: Message) => boolean) | undefined;
  readonly #signal: AbortSignal | undefined;
  #isActive = true;
  #ready: Promise<void> | undefined;

  constructor(owner: SubscriptionOwner, pattern: string, handler: MessageHandler, options: SubscribeOptions) {
    this.#owner = owner;
    this.pattern = pattern;
    this.#handler = handler;
    this.#filter = options.filter;
    this.priority = options.priority ?? 0;
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this);
  }

  get ready(): Promise<void> {
    return this.#ready ?? Promise.resolve();
  }

  /** Told by the bus what the transport said. */
  becomesReady(ready: Promise<void>): void {
    this.#ready = ready;
    ready.catch((error: unknown) => {
      if (!this.#isActive) return;
      this.unsubscribe();
      this.#owner.reportFailure(error, undefined, this.pattern);
    });
  }

  deliver(message: Message): void {
    const { destination } = message;
    if (destination !== undefined && destination !== this.#owner.pluginId) return;
    if (this.#accepts(message)) this.#invoke(message, undefined);
  }

  /** Hands a request to the handler and keeps account of how it fares. */
  offer(message: Message, asked: AskedRequest): void {
    if (!this.#accepts(message)) return;
    asked.handlerBegins();
    this.#invoke(message, asked);
  }

  unsubscribe(): void {
    if (!this.#isActive) return;
    this.#isActive = false;
    this.#signal?.removeEventListener("abort", this);
    this.#owner.drop(this);
  }

  /** The signal was aborted; called by it. */
  handleEvent(): void {
    this.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  #accepts(message: Message): boolean {
    if (!this.#isActive) return false;
    const filter = this.#filter;
    if (filter === undefined) return true;
    try {
      return filter(message);
    } catch (error) {
      this.#owner.reportFailure(error, message, this.pattern);
      return false;
    }
  }

  #invoke(message: Message, asked: AskedRequest | undefined): void {
    const handler = this.#handler;
    try {
      const result = handler(message);
      if (isThenable(result)) this.#watch(result, message, asked);
    } catch (error) {
      this.#failed(error, message, asked);
    }
  }

  #watch(result: PromiseLike<unknown>, message: Message, asked: AskedRequest | undefined): void {
    // A promise of another make might reject twice.
    Promise.resolve(result).then(undefined, (error: unknown) => this.#failed(error, message, asked));
  }

  #failed(error: unknown, message: Message, asked: AskedRequest | undefined): void {
    this.#owner.reportFailure(error, message, this.pattern);
    asked?.handlerFailed(error);
  }
}
