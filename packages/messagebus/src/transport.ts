import type { BusError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import type { Message } from "./message.ts";

/**
 * What carries messages between buses: the hub of this process, a WebSocket, NATS. A transport moves checked messages
 * and knows who subscribed; deadlines, signals, filters, isolation of handlers and the bookkeeping of correlation ids
 * live in `MessageBus`, so that they are the same everywhere.
 */
export interface Transport {
  /** The limits of every bus on this transport. */
  readonly limits: BusLimits;
  /**
   * Lets a plugin take part. Synchronous: what is sent before a connection stands waits in a queue within a limit.
   * Where two members have one id, requests and calls go to the newer.
   */
  join(member: Member): Link;
  /** Ends every link; the members are told by `cutOff` and fail what still waits with a ConnectionLostError. */
  close(): Promise<void>;
}

/** One plugin as its transport sees it; `MessageBus` is one. None of its methods throws. */
export interface Member {
  readonly pluginId: string;
  /**
   * Takes a request for this plugin; false when none of its subscriptions matches, upon which the transport fails the
   * exchange with a NoResponderError.
   */
  takeRequest(request: RequestExchange): boolean;
  /** Takes a call of this plugin's RPC server; false when it has none, upon which the transport does the same. */
  takeCall(call: CallExchange): boolean;
  /** The link is gone for good, for this reason; a connection that is made again is no reason. */
  cutOff(error: BusError): void;
}

/** What a member does through its transport. Messages that come in have been checked and stamped. */
export interface Link {
  /**
   * Sends a message to every matching listener. Undefined: it has been delivered. A promise: it resolves when every
   * listener in this process has had it or, on a remote transport, when the other side has taken it. Rejects with an
   * OverloadedError, ForbiddenTopicError or ConnectionLostError. A transport may drop what has not gone when the
   * signal is aborted; the promise then rejects with its reason.
   */
  publish(message: Message, signal?: AbortSignal): Promise<void> | undefined;
  /**
   * Hands every message on the listener's pattern to it, from now on. Undefined: it is in force. A promise resolves when
   * it is, and rejects with a ForbiddenTopicError when the other side refuses, with a ConnectionLostError when it cannot be.
   * After a connection was lost and came back the transport subscribes anew by itself.
   */
  subscribe(listener: Listener): Promise<void> | undefined;
  /** Ends a subscription; nothing is delivered to it any more. Unknown listeners are ignored. */
  unsubscribe(listener: Listener): void;
  /** Takes a request to `message.destination`; ends it with `reply` or `fail`, once. Keeps its place among publishes. */
  request(request: RequestExchange): void;
  /** Takes a call to `destination`; ends it with `reply` or `fail`, once. */
  call(call: CallExchange): void;
  /** The asker gave up: the taker is told `abandoned`, and the exchange is not touched any more. */
  cancel(exchange: Exchange): void;
  /** From now on this member answers `takeCall`. A promise as with `subscribe`. */
  serve(): Promise<void> | undefined;
  /** The opposite of `serve`. */
  unserve(): void;
  /** Leaves: nothing comes in any more. A promise resolves when what was sent before has gone. */
  leave(): Promise<void> | undefined;
}

/** A subscription as its transport sees it. */
export interface Listener {
  /** In canonical form. */
  readonly pattern: string;
  /** Among the listeners of one process the higher is called first, then the older. */
  readonly priority: number;
  /** Takes a message; never throws, never waits. */
  deliver(message: Message): void;
}

/** A question under way. Its asker makes it, a transport carries it, the member that is asked ends it. */
export interface Exchange {
  /** How long the asker waits in all, in milliseconds. */
  readonly timeoutMs: number;
  /** False once it has ended, in whatever way; what has not been sent by then need not be. */
  readonly isOpen: boolean;
  /** Answers. False when nobody waits any more. */
  reply(value: unknown): boolean | Promise<boolean>;
  /** Refuses. False when nobody waits any more. */
  fail(error: BusError): boolean | Promise<boolean>;
  /**
   * Set by the member that took it. However the exchange ends without its doing – the asker cancels, leaves, is lost,
   * or `timeoutMs` is over – the transport calls `abandoned`, once.
   */
  taker: Taker | undefined;
}

/** Who works on an answer. */
export interface Taker {
  /** Nobody waits any more. */
  abandoned(): void;
}

/** A request: point to point, to the handlers of one plugin. */
export interface RequestExchange extends Exchange {
  /** With `destination` and `correlationId`. */
  readonly message: Message;
}

/** A call of an RPC method. */
export interface CallExchange extends Exchange {
  /** The plugin whose server is called. */
  readonly destination: string;
  /** Who calls, stamped like `Message.source`. */
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;
}
