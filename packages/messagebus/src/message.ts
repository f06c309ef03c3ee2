/** What kind of message it is. A plain object of strings: `"event"` and `MessageType.EVENT` are the same. */
export const MessageType = {
  /** Something has happened. The default of `publish`. */
  EVENT: "event",
  /** Somebody waits for an answer; made by `request`. */
  REQUEST: "request",
  /** An answer that is told as a message of its own; `respond` makes none, its answer goes to the asker alone. */
  RESPONSE: "response",
  /** Somebody is to do something; no answer is awaited. */
  COMMAND: "command",
  /** Meant for everybody. */
  BROADCAST: "broadcast",
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * What a handler gets. Immutable by contract: in one process all handlers and the sender hold the same object, so
 * whoever wants to change something copies it first.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- what a payload is, sender and handler agree on; the bus knows it to be JSON data and no more
export interface Message<Payload = any> {
  /** Unique over all processes. */
  readonly messageId: string;
  /** In canonical form: levels divided by slashes. */
  readonly topic: string;
  /** The plugin that sent it, stamped by the bus or the transport; never what a sender claims. */
  readonly source: string;
  /** The only plugin that gets it; absent: everybody who subscribed. */
  readonly destination?: string | undefined;
  readonly messageType: MessageType;
  /** 0 to 10, by default 5. For filters and handlers to look at; it does not reorder delivery. */
  readonly priority: number;
  /** Passed through as they are: `traceId`, `spanId`, `userId`, `traceparent` and the like. */
  readonly headers: Readonly<Record<string, string>>;
  /** Present where `respond` is awaited: 128 random bits. */
  readonly correlationId?: string | undefined;
  /** When it was sent: ISO 8601 in UTC, milliseconds. */
  readonly timestamp: string;
  /** JSON data; see the package's README for the rule. */
  readonly payload: Payload;
}

/** What `publish` takes. */
// oxlint-disable-next-line typescript/no-explicit-any -- see Message
export interface PublishInput<Payload = any> {
  /** Levels divided by `/` or `.`; no wildcards. */
  readonly topic: string;
  /** JSON data of at most 256 KiB; absent: the message has none. */
  readonly payload?: Payload;
  /** Default `event`. */
  readonly messageType?: MessageType | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** 0 to 10, default 5. */
  readonly priority?: number | undefined;
  /** Only the handlers of this plugin get it. */
  readonly destination?: string | undefined;
}

/** What `request` takes. */
// oxlint-disable-next-line typescript/no-explicit-any -- see Message
export interface RequestInput<Payload = any> {
  /** Levels divided by `/` or `.`; no wildcards. */
  readonly topic: string;
  /** Who is asked. May be left out where the topic is `plugin/<id>/…`. */
  readonly destination?: string | undefined;
  readonly payload?: Payload;
  /** How long to wait for the answer, in milliseconds; default 30,000, at most a day. */
  readonly timeout?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** 0 to 10, default 5. */
  readonly priority?: number | undefined;
  /** Gives up waiting; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The headers of a message that has none; shared, so that such a message costs nothing for them. */
export const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
