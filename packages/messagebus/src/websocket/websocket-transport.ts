import { EventEmitter } from "node:events";

import { systemClock, type Clock } from "../clock.ts";
import { ConnectionLostError, InvalidPluginIdError, toBusError, type BusError } from "../errors.ts";
import { busLimits, type BusLimits } from "../limits.ts";
import { ANONYMOUS_ID, checkPluginId } from "../plugin-id.ts";
import { PatternBook, type PatternOrder } from "../remote/pattern-book.ts";
import { StandingOrder } from "../remote/standing-order.ts";
import type { Exchange, Link, Listener, Member, Transport } from "../transport.ts";
import { BusSocket, type TokenSource } from "./bus-socket.ts";
import { checkBusUrl } from "./bus-url.ts";
import type { ConnectionState } from "../remote/connection-states.ts";
import type { BrokerFrame, BrokerFrameOf } from "./frames.ts";
import { MemberTasks } from "./member-tasks.ts";
import { closeOnAbort } from "../remote/close-on-abort.ts";
import { Outbox } from "../remote/outbox.ts";
import { spellPluginFrame } from "./spell-frames.ts";
import { WebSocketLink, type LinkHost } from "./websocket-link.ts";

/** What a connection to the bus of a server is made with. */
export interface WebSocketTransportOptions {
  /** Where the bus is: `wss://…` or `https://…`; `ws` and `http` to this machine only. */
  readonly url: string | URL;
  /** The plugin's credential; a function is asked each time that a connection is made. */
  readonly token: TokenSource;
  /** The plugin that the credential is for. Default: the first that joins; the server has the last word in any case. */
  readonly pluginId?: string;
  /** Should be those of the server, where that has others than the defaults. */
  readonly limits?: Partial<BusLimits>;
  /** Closes the transport when it is aborted. */
  readonly signal?: AbortSignal;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Numbers from 0 up to 1, for the jitter between two tries. Default: `Math.random`. */
  readonly random?: () => number;
}

/** What a connection tells. */
export interface WebSocketTransportEvents {
  /** The connection has come to another state. */
  state: [ConnectionState];
  /** It has ended for good: closed here, refused, revoked or replaced. */
  closed: [BusError];
  /** Something was left out: a subscription that is refused after a reconnection, or a frame that cannot be read. */
  warning: [Error];
}

/** Connects a plugin in its own process to the bus of a server. The connection is made when the plugin joins. */
export function websocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  return new WebSocketTransport(options);
}

/**
 * The bus of a server, over a WebSocket. One connection is one credential, and so one plugin. A connection that is lost is made
 * again: subscriptions and RPC methods are then in force as before, what was not sent yet goes out, and what was sent and not
 * answered has failed with a ConnectionLostError; nothing is sent twice.
 */
export class WebSocketTransport extends EventEmitter<WebSocketTransportEvents> implements Transport, AsyncDisposable {
  readonly limits: BusLimits;
  /** Resolves to the reason when the connection has ended for good. */
  readonly closed: Promise<BusError>;
  readonly #socket: BusSocket;
  readonly #outbox: Outbox<string>;
  readonly #patterns: PatternBook;
  readonly #tasks: MemberTasks;
  readonly #host: LinkHost;
  readonly #links = new Set<WebSocketLink>();
  readonly #serving = new Set<WebSocketLink>();
  /** Who takes requests and calls. */
  #member: Member | undefined;
  #service: StandingOrder | undefined;
  #pluginId: string | undefined;
  #endedBy: BusError | undefined;
  #resolveClosed!: (reason: BusError) => void;

  /** Throws a TypeError when the URL cannot be, and an InvalidPluginIdError or RangeError. */
  constructor(options: WebSocketTransportOptions) {
    super();
    const { url, token, pluginId, limits, signal, clock = systemClock, random = Math.random } = options;
    if (pluginId !== undefined) checkPluginId(pluginId);
    this.#pluginId = pluginId;
    this.limits = busLimits(limits);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#patterns = new PatternBook(this.limits);
    this.#tasks = new MemberTasks((frame) => this.#send(frame));
    this.#socket = new BusSocket({
      url: checkBusUrl(url),
      token,
      limits: this.limits,
      clock,
      random,
      listener: {
        onOpen: (welcome) => this.#opened(welcome),
        onFrame: (frame) => this.#take(frame),
        onLost: (error) => this.#lost(error),
        onEnd: (error) => this.#ended(error),
        onState: (state) => this.emit("state", state),
        onUnreadable: (reason) => this.emit("warning", new Error(`the bus sent what is no frame: ${reason}`)),
      },
    });
    this.#outbox = new Outbox(this.#socket, this.limits);
    this.#host = this.#makeHost();
    closeOnAbort(this, signal);
  }

  /** Where the connection is now. */
  get state(): ConnectionState {
    return this.#socket.state;
  }

  /** The plugin that takes part, once it is known. */
  get pluginId(): string | undefined {
    return this.#pluginId;
  }

  /** Throws an InvalidPluginIdError for another plugin than the credential's, and after the end the error that brought it. */
  join(member: Member): Link {
    if (this.#endedBy) throw toBusError(this.#endedBy.code, this.#endedBy.message);
    const { pluginId } = member;
    // Who has no id of its own is whoever the credential says.
    if (pluginId !== ANONYMOUS_ID) {
      this.#pluginId ??= pluginId;
      if (pluginId !== this.#pluginId) throw otherPlugin(pluginId, this.#pluginId);
    }
    const link = new WebSocketLink(this.#host, this.#outbox, member);
    this.#links.add(link);
    this.#chooseMember();
    this.#socket.start();
    return link;
  }

  /** Ends the connection for good, after what was sent before has gone. */
  close(): Promise<void> {
    return this.#socket.end(new ConnectionLostError("the connection to the bus was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #opened({ pluginId }: BrokerFrameOf<"welcome">): void {
    if (this.#pluginId !== undefined && pluginId !== this.#pluginId) {
      void this.#socket.end(otherPlugin(this.#pluginId, pluginId));
      return;
    }
    this.#pluginId = pluginId;
    for (const order of this.#patterns.orders) this.#askFor(order);
    if (this.#service) this.#askToServe(this.#service);
    this.#outbox.sendKept();
  }

  #take(frame: BrokerFrame): void {
    switch (frame.type) {
      case "message":
        return this.#patterns.deliver(frame.message);
      case "ask":
        return this.#tasks.ask(frame, this.#member);
      case "invoke":
        return this.#tasks.invoke(frame, this.#member);
      case "reply":
        return void this.#outbox.take(frame.id)?.reply?.(frame.value);
      case "fail":
        return void this.#outbox.take(frame.id)?.fail(toBusError(frame.code, frame.message));
      case "done":
        return frame.ids.forEach((id) => this.#outbox.take(id)?.done?.());
      case "abandoned":
        return this.#tasks.abandoned(frame.id);
      case "answered":
        return this.#tasks.answered(frame);
      case "refused":
        return void this.emit("warning", toBusError(frame.code, frame.message));
      case "welcome":
        return undefined;
    }
  }

  #lost(error: ConnectionLostError): void {
    this.#outbox.failSent(error);
    this.#tasks.abandonAll();
  }

  #ended(error: BusError): void {
    this.#endedBy = error;
    this.#outbox.failAll(error);
    this.#tasks.abandonAll();
    this.#patterns.end(error);
    this.#service?.refuse(error);
    for (const link of this.#links) link.member.cutOff(error);
    this.#resolveClosed(error);
    this.emit("closed", error);
  }

  /** The newest that has the plugin's name. */
  #chooseMember(): void {
    this.#member = [...this.#links].findLast(({ member }) => member.pluginId !== ANONYMOUS_ID)?.member;
  }

  #send(frame: string): void {
    if (this.#socket.isOpen) this.#socket.send(frame);
  }

  #askFor(order: PatternOrder): void {
    this.#outbox.sendNow((id) => spellPluginFrame.subscribe(id, order.pattern), {
      done: () => order.confirm(),
      fail: (error) => this.#refused(error, () => this.#patterns.refuse(order, error)),
    });
  }

  #askToServe(order: StandingOrder): void {
    this.#outbox.sendNow((id) => spellPluginFrame.serve(id), {
      done: () => order.confirm(),
      fail: (error) => this.#refused(error, () => order.refuse(error)),
    });
  }

  /** A standing order is refused for good, or asked for again when the connection is back. */
  #refused(error: BusError, refuse: () => void): void {
    if (error instanceof ConnectionLostError) return;
    refuse();
    this.emit("warning", error);
  }

  #makeHost(): LinkHost {
    return {
      cancel: (exchange) => this.#cancel(exchange),
      subscribe: (listener) => this.#subscribe(listener),
      unsubscribe: (listener) => this.#unsubscribe(listener),
      serve: (link) => this.#serve(link),
      unserve: (link) => this.#unserve(link),
      leave: (link) => this.#leave(link),
    };
  }

  #cancel(exchange: Exchange): void {
    const id = this.#outbox.giveUp(exchange);
    if (id !== undefined) this.#send(spellPluginFrame.cancel(id));
  }

  #subscribe(listener: Listener): Promise<void> | undefined {
    const { order, isNew } = this.#patterns.add(listener);
    if (isNew && this.#socket.isOpen) this.#askFor(order);
    return order.answer;
  }

  #unsubscribe(listener: Listener): void {
    const order = this.#patterns.remove(listener);
    if (order) this.#send(spellPluginFrame.unsubscribe(order.pattern));
  }

  #serve(link: WebSocketLink): Promise<void> | undefined {
    this.#serving.add(link);
    if (!this.#service) {
      this.#service = new StandingOrder();
      if (this.#socket.isOpen) this.#askToServe(this.#service);
    }
    return this.#service.answer;
  }

  #unserve(link: WebSocketLink): void {
    this.#serving.delete(link);
    if (this.#serving.size > 0 || !this.#service) return;
    this.#service = undefined;
    this.#send(spellPluginFrame.unserve());
  }

  #leave(link: WebSocketLink): Promise<void> | undefined {
    this.#links.delete(link);
    this.#chooseMember();
    this.#unserve(link);
    if (!this.#socket.isOpen) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#outbox.sendNow((id) => spellPluginFrame.sync(id), { done: resolve, fail: () => resolve() });
    return promise;
  }
}

function otherPlugin(wanted: string, allowed: string): InvalidPluginIdError {
  return new InvalidPluginIdError(
    `the connection to the bus is that of plugin ${allowed}; nobody can take part over it as ${wanted}`,
  );
}
