/** What is measured: messages to who subscribed, or calls of a method. */
export type Work = "publish" | "publish-new-topics" | "call";

/** What a contender is told. */
export interface Task {
  readonly name: ContenderName;
  readonly work: Work;
  /** For publishing: how many subscriptions there are; two of them match. */
  readonly subscriptions: number;
  /** For calling: how many calls are on their way at any time. */
  readonly inFlight: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** The port of the service to use. */
  readonly service?: string;
}

/** What came out. */
export interface Measured {
  readonly perSecond: number;
}

/** A system that carries messages. */
export interface Contender extends AsyncDisposable {
  /** Sends one message on a topic; a promise only where it must be waited for. */
  readonly publish?: (topic: string) => unknown;
  /** Resolves when everything that was sent has been handed to who subscribed. */
  readonly settle?: () => Promise<void>;
  /** How often a handler was called. */
  readonly delivered?: () => number;
  /** Calls the method once. */
  readonly call?: () => PromiseLike<unknown>;
}

export type ContenderName =
  | "signalbox"
  | "signalbox-awaited"
  | "eventemitter2"
  | "eventemitter3"
  | "moleculer"
  | "birpc"
  | "nats";

/** The topic that two subscriptions match. */
export const TOPIC = "plugin/fastapi-backend/events";

/** The topic of message `n` where every message has one that nobody has seen. One subscription matches. */
export function newTopic(n: number): string {
  return `plugin/p-${n}/progress`;
}

/** What is sent: as the plugin guide has it. */
export const PAYLOAD = { eventType: "task_completed", taskId: "task_123", result: { created: true, count: 3 } };

/** The parameters and the result of the method that is called. */
export const PARAMS = { path: "/api/users", method: "POST", database: "mongodb" };
export const RESULT = { filePath: "/app/routes_api_users.py", schemaId: "schema_123" };

/**
 * Whom everybody subscribes: half of them to exact topics, half with a wildcard, and none of these to what is published; and two that
 * match `TOPIC`, one of them every plugin's `progress` too.
 */
export function patterns(subscriptions: number): string[] {
  const others = Array.from({ length: subscriptions - 2 }, (_, n) =>
    n % 2 === 0 ? `plugin/plugin-${n}/status` : `orchestration/flow-${n}/*`,
  );
  return [...others, TOPIC, "plugin/*/*"];
}
