interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters" | "per second";
  readonly meaning: string;
}

/** Every limit and default duration of the bus, one row each. A transport can be made with other values. */
export const BUS_LIMITS = {
  "payload.bytes": { value: 262_144, unit: "bytes", meaning: "a payload, RPC parameters or an RPC result, as JSON" },
  "payload.depth": { value: 64, unit: "count", meaning: "nesting of a payload" },
  "headers.count": { value: 32, unit: "count", meaning: "headers of one message" },
  "headers.bytes": { value: 8_192, unit: "characters", meaning: "names and values of all headers of a message" },
  "topic.bytes": { value: 256, unit: "bytes", meaning: "a topic or pattern in UTF-8" },
  "topic.levels": { value: 32, unit: "count", meaning: "levels of a topic or pattern" },
  subscriptions: { value: 100_000, unit: "count", meaning: "subscriptions of one plugin" },
  "request.timeoutMs": { value: 30_000, unit: "ms", meaning: "default wait for the answer to a request or call" },
  "request.timeoutMaxMs": { value: 86_400_000, unit: "ms", meaning: "longest wait that may be asked for" },
  "request.pending": { value: 100_000, unit: "count", meaning: "unanswered requests and calls of one plugin" },
  "request.asked": { value: 10_000, unit: "count", meaning: "requests that one plugin has got and not answered" },
  "request.remembered": { value: 10_000, unit: "count", meaning: "ended requests whose ids a plugin still knows" },
  "rpc.methods": { value: 1_000, unit: "count", meaning: "methods of one RPC server" },
  "rpc.methodLength": { value: 128, unit: "characters", meaning: "the name of an RPC method" },
  "error.messageLength": { value: 4_096, unit: "characters", meaning: "what is passed on of a thrown message" },
  "queue.messages": { value: 100_000, unit: "count", meaning: "messages that wait behind a delivery in process" },
  "queue.batch": { value: 10_000, unit: "count", meaning: "messages delivered before the event loop has a turn" },
  "cache.topics": { value: 10_000, unit: "count", meaning: "topics whose listeners are remembered" },
  "outbox.messages": {
    value: 10_000,
    unit: "count",
    meaning: "what a remote transport keeps to send while it is away",
  },
  "outbox.characters": {
    value: 16_777_216,
    unit: "characters",
    meaning: "what waits to be sent on a remote transport",
  },
  "connection.handshakeMs": { value: 10_000, unit: "ms", meaning: "for a connection to be made, with its first frame" },
  "connection.heartbeatMs": { value: 15_000, unit: "ms", meaning: "between two signs of life of a broker" },
  "connection.bufferedBytes": {
    value: 16_777_216,
    unit: "bytes",
    meaning: "what waits to be read by one plugin before its connection is cut",
  },
  "connection.framesPerSecond": {
    value: 20_000,
    unit: "per second",
    meaning: "frames of one plugin before the broker reads it more slowly",
  },
  "connection.heldCharacters": {
    value: 16_777_216,
    unit: "characters",
    meaning: "what a broker holds of one plugin's unanswered requests and calls",
  },
  "connection.badFrames": {
    value: 10,
    unit: "count",
    meaning: "frames that cannot be read before a connection is cut",
  },
  "reconnect.firstMs": { value: 200, unit: "ms", meaning: "longest wait before the first try to connect again" },
  "reconnect.maxMs": { value: 15_000, unit: "ms", meaning: "longest wait before any try to connect again" },
  "nats.remembered": {
    value: 10_000,
    unit: "count",
    meaning: "messages known to have come by one of several patterns",
  },
  "nats.presenceMs": { value: 2_000, unit: "ms", meaning: "between two looks whether who was asked is still there" },
} as const satisfies Record<string, LimitRow>;

/** A row of `BUS_LIMITS`. */
export type BusLimit = keyof typeof BUS_LIMITS;

/** The values in force on a transport. */
export type BusLimits = { readonly [Name in BusLimit]: number };

/** The limits with some of them changed. Refuses with a RangeError what is not a positive whole number. */
export function busLimits(overrides: Partial<BusLimits> = {}): BusLimits {
  const rows: [string, LimitRow][] = Object.entries(BUS_LIMITS);
  const limits: Record<string, number> = Object.fromEntries(rows.map(([name, row]) => [name, row.value]));
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(limits, name)) throw new RangeError(`there is no limit ${name}`);
    if (!Number.isSafeInteger(value) || value <= 0) throw new RangeError(`limit ${name} cannot be ${value}`);
    limits[name] = value;
  }
  // The keys are those of BUS_LIMITS.
  return limits as BusLimits;
}
