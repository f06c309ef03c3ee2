import { systemClock, type Clock } from "./clock.ts";
import { checkHeaders, checkMethodName, checkTimeout } from "./envelope.ts";
import { ConnectionLostError, InvalidMessageError, InvalidPluginIdError, toBusError, type BusError } from "./errors.ts";
import { GenerationCache } from "./generation-cache.ts";
import { RandomIds, type RandomFill } from "./ids.ts";
import { Inbox } from "./inbox.ts";
import type { BusLimits } from "./limits.ts";
import { warnOfListenerFailure, type ListenerErrorHook } from "./listener-errors.ts";
import { MessageMaker } from "./message-maker.ts";
import type { PublishInput, RequestInput } from "./message.ts";
import { checkPayload } from "./payload.ts";
import { PendingAnswers } from "./pending-answers.ts";
import { checkPluginId, pluginOfEndpoint, SYSTEM_ID } from "./plugin-id.ts";
import type { RpcMethods } from "./rpc-context.ts";
import type { MessageHandler, SubscribeOptions, Subscription } from "./subscription.ts";
import { canonicalPattern } from "./topic.ts";
import type { Transport } from "./transport.ts";

/** What a bus is made with. */
export interface MessageBusOptions {
  /** Whom the bus stamps on everything it sends. */
  readonly pluginId: string;
  readonly transport: Transport;
  /** For the host of plugins: the id is then `system`, and `system/**` and `routing/**` are open to it. Default false. */
  readonly isSystem?: boolean;
  /** Is told of handlers and filters that throw. Default: a process warning. */
  readonly onListenerError?: ListenerErrorHook;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Where correlation ids come from. Default: the machine's randomness. */
  readonly randomFill?: RandomFill;
}

/** How `publish` can be stopped. */
export interface PublishOptions {
  /** What has not been delivered when it is aborted is not delivered; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a call can be made. */
export interface CallOptions {
  /** How long to wait for the result, in milliseconds; default 30,000, at most a day. */
  readonly timeout?: number | undefined;
  /** Gives up; the handler's signal is aborted, and the promise rejects with this signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** RPC methods in service. */
export interface Serving extends Disposable {
  /** Resolves when callers from everywhere reach them; see `Subscription.ready`. */
  readonly ready: Promise<void>;
}

/** One plugin's handle on the bus. `getMessageBus` makes it for the transport of this process. */
export class MessageBus implements AsyncDisposable {
  readonly pluginId: string;
  /** The limits in force here: those of the transport. */
  readonly limits: BusLimits;
  readonly #inbox: Inbox;
  readonly #maker: MessageMaker;
  readonly #answers: PendingAnswers;
  readonly #endpoints = new GenerationCache<string, string>(ENDPOINTS);
  #closing: Promise<void> | undefined;
  #endedBy: BusError | undefined;

  /** Joins the transport. Refuses with an InvalidPluginIdError what is not a plugin's id, and `system` without `isSystem`. */
  constructor(options: MessageBusOptions) {
    const { pluginId, transport, isSystem = false, clock = systemClock } = options;
    checkPluginId(pluginId);
    if (isSystem !== (pluginId === SYSTEM_ID)) {
      throw new InvalidPluginIdError(`the id ${SYSTEM_ID} is that of the host of plugins, and of nobody else`);
    }
    const { limits } = transport;
    this.pluginId = pluginId;
    this.limits = limits;
    const ids = options.randomFill ? new RandomIds(options.randomFill) : RANDOM_IDS;
    this.#maker = new MessageMaker({ pluginId, isSystem, limits, clock, ids });
    this.#inbox = new Inbox({
      pluginId,
      transport,
      onListenerError: options.onListenerError ?? warnOfListenerFailure,
      onCutOff: (error) => void this.#end(error),
    });
    this.#answers = new PendingAnswers(this.#inbox.link, limits, clock);
  }

  /** Whether `close` was called or the transport is gone; everything but `clear` and `close` is then refused. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Sends a message to everybody who subscribed to its topic. In process the promise resolves after every matching handler was
   * called; it never waits for what handlers go on to do. What one of them throws does not come back here.
   * Rejects with an InvalidTopicError, InvalidMessageError, ReservedTopicError, OverloadedError, ConnectionLostError, or
   * where there are access lists a ForbiddenTopicError.
   */
  publish<Payload>(input: PublishInput<Payload>, { signal }: PublishOptions = NO_OPTIONS): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    try {
      this.#checkOpen();
      const sent = this.#inbox.link.publish(this.#maker.event(input), signal);
      if (sent === undefined) return DELIVERED;
      return signal ? unlessAborted(sent, signal) : sent;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls the handler with every message on a topic that matches the pattern: `*` stands for one level, `**` or `>` at the end for
   * one or more. Handlers are called in the order of their priority and then of subscribing.
   * Throws an InvalidTopicError, InvalidMessageError, OverloadedError or ConnectionLostError.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a payload is, sender and handler agree on
  subscribe<Payload = any>(
    pattern: string,
    handler: MessageHandler<Payload>,
    options: SubscribeOptions<Payload> = {},
  ): Subscription {
    this.#checkOpen();
    options.signal?.throwIfAborted();
    const canonical = canonicalPattern(pattern, this.limits);
    checkSubscription(handler, options);
    return this.#inbox.subscribe(canonical, handler, options);
  }

  /**
   * Asks one plugin and resolves to what it responds with, also when that tells of an error (`{ status: "error" }`). Only the
   * handlers of the destination get the message. Rejects with a NoResponderError at once when nobody there can answer, with a
   * RemoteError at once when every handler threw, with a RequestTimeoutError, with the signal's reason, or as `publish` does.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- what an answer is, asker and plugin agree on
  async request<Payload>(input: RequestInput<Payload>): Promise<any> {
    this.#checkOpen();
    const message = this.#maker.request(input);
    const timeoutMs = checkTimeout(input.timeout, this.limits);
    input.signal?.throwIfAborted();
    return await this.#answers.request(message, timeoutMs, input.signal);
  }

  /**
   * Answers a request that a handler of this bus was given; the first answer counts. Resolves to false when nobody waits any
   * more. Rejects with a NotAddressedError when this bus was not asked (or the message was no request), and with an InvalidMessageError, upon which the asker still waits.
   */
  async respond<Payload>(correlationId: string | undefined, payload?: Payload): Promise<boolean> {
    checkPayload(payload, this.limits);
    return await this.#inbox.asked.respond(correlationId, payload);
  }

  /**
   * Calls a method of the RPC server at `plugin://<id>/rpc`; `RPCClient` is this for one endpoint. Rejects with a NoResponderError
   * at once when nobody serves there, with an UnknownMethodError, with a RemoteError when the method threw, with an
   * InvalidMessageError, OverloadedError, ConnectionLostError or RequestTimeoutError, or with the signal's reason.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a result is, caller and method agree on
  call(endpoint: string, method: string, params: unknown = {}, options: CallOptions = NO_OPTIONS): Promise<any> {
    const { signal, timeout, headers } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    try {
      this.#checkOpen();
      const { limits } = this;
      checkMethodName(method, limits);
      checkPayload(params, limits, "the parameters");
      const call = {
        destination: this.#pluginOf(endpoint),
        caller: this.pluginId,
        method,
        params,
        headers: checkHeaders(headers, limits),
      };
      return this.#answers.call(call, checkTimeout(timeout, limits), signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Serves RPC methods at `plugin://<this plugin>/rpc` until disposed of; what served before is out of service. `RPCServer` does this. */
  serve(methods: RpcMethods): Serving {
    this.#checkOpen();
    const ready = this.#inbox.serve(methods) ?? DELIVERED;
    return { ready, [Symbol.dispose]: () => this.#inbox.unserve(methods) };
  }

  /**
   * Ends every subscription of this bus; requests that it has not answered fail at once with a NoResponderError. RPC methods go
   * on serving, and the bus can be used as before.
   */
  clear(): void {
    this.#inbox.clear(`plugin ${this.pluginId} stopped listening`);
  }

  /**
   * Ends everything: subscriptions and RPC methods, and what still waits for an answer fails with a ConnectionLostError. Resolves when
   * what was sent before has gone.
   */
  close(): Promise<void> {
    return this.#closing ?? this.#end(new ConnectionLostError(`the bus of plugin ${this.pluginId} was closed`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(error: BusError): Promise<void> {
    if (this.#closing) return this.#closing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing = promise;
    this.#endedBy = error;
    this.#inbox.end(`plugin ${this.pluginId} left the bus`);
    this.#answers.end(error);
    resolve(this.#inbox.link.leave() ?? undefined);
    return promise;
  }

  #checkOpen(): void {
    // The reason counts: that the bus was closed, or that the other side does not let this plugin take part.
    if (this.#endedBy) throw toBusError(this.#endedBy.code, this.#endedBy.message);
  }

  #pluginOf(endpoint: string): string {
    let pluginId = this.#endpoints.get(endpoint);
    if (pluginId === undefined) this.#endpoints.set(endpoint, (pluginId = pluginOfEndpoint(endpoint)));
    return pluginId;
  }
}

const ENDPOINTS = 1_000;
// One for all: ids that nobody can guess stay so when they are drawn in turns.
const RANDOM_IDS = new RandomIds();
const NO_OPTIONS = Object.freeze({});
const DELIVERED = Promise.resolve();

function checkSubscription(handler: unknown, { filter, priority = 0 }: SubscribeOptions): void {
  if (typeof handler !== "function") throw new InvalidMessageError("a handler is a function");
  if (filter !== undefined && typeof filter !== "function") throw new InvalidMessageError("a filter is a function");
  if (typeof priority !== "number" || Number.isNaN(priority)) throw new InvalidMessageError("a priority is a number");
}

/** Settles as the promise does, unless the signal is aborted before. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
