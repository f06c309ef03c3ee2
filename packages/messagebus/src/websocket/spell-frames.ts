import type { BusError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { CallExchange, RequestExchange } from "../transport.ts";
import type { BrokerFrameOf } from "./frames.ts";

// Frames as JSON text, put together by hand: a serialiser that knows their shape is several times as fast. Plugin ids
// and the types of messages need no escaping by their grammar; everything else goes through JSON.stringify.

/** What a plugin sends. */
export const spellPluginFrame = {
  publish: (id: number, message: Message): string =>
    `{"type":"publish","id":${id}${spellSent(message)}${optional("destination", message.destination)}}`,

  request: (id: number, { message, timeoutMs }: RequestExchange): string =>
    `{"type":"request","id":${id},"timeoutMs":${timeoutMs}${spellSent(message)},"destination":"${message.destination}"}`,

  call: (id: number, { destination, method, params, headers, timeoutMs }: CallExchange): string =>
    `{"type":"call","id":${id},"timeoutMs":${timeoutMs},"destination":"${destination}","method":${JSON.stringify(method)}` +
    `${optional("params", params)}${spellHeaders(headers)}}`,

  cancel: (id: number): string => `{"type":"cancel","id":${id}}`,
  subscribe: (id: number, pattern: string): string =>
    `{"type":"subscribe","id":${id},"pattern":${JSON.stringify(pattern)}}`,
  unsubscribe: (pattern: string): string => `{"type":"unsubscribe","pattern":${JSON.stringify(pattern)}}`,
  serve: (id: number): string => `{"type":"serve","id":${id}}`,
  unserve: (): string => `{"type":"unserve"}`,
  sync: (id: number): string => `{"type":"sync","id":${id}}`,
  reply: spellReply,
  fail: spellFail,
} as const;

/** What the broker sends. */
export const spellBrokerFrame = {
  welcome: ({ pluginId, heartbeatMs }: Omit<BrokerFrameOf<"welcome">, "type">): string =>
    `{"type":"welcome","pluginId":"${pluginId}","heartbeatMs":${heartbeatMs}}`,

  message: (message: Message): string => `{"type":"message","message":${JSON.stringify(message)}}`,

  ask: (id: number, { message, timeoutMs }: RequestExchange): string =>
    `{"type":"ask","id":${id},"timeoutMs":${timeoutMs},"message":${JSON.stringify(message)}}`,

  invoke: (id: number, { caller, method, params, headers, timeoutMs }: CallExchange): string =>
    `{"type":"invoke","id":${id},"timeoutMs":${timeoutMs},"caller":"${caller}","method":${JSON.stringify(method)}` +
    `${optional("params", params)},"headers":${JSON.stringify(headers)}}`,

  abandoned: (id: number): string => `{"type":"abandoned","id":${id}}`,
  answered: (id: number, isDelivered: boolean): string => `{"type":"answered","id":${id},"isDelivered":${isDelivered}}`,
  done: (ids: readonly number[]): string => `{"type":"done","ids":[${ids.join(",")}]}`,
  refused: ({ code, message }: BusError): string =>
    `{"type":"refused","code":"${code}","message":${JSON.stringify(message)}}`,
  reply: spellReply,
  fail: spellFail,
} as const;

function spellReply(id: number, value: unknown): string {
  return `{"type":"reply","id":${id}${optional("value", value)}}`;
}

function spellFail(id: number, { code, message }: BusError): string {
  return `{"type":"fail","id":${id},"code":"${code}","message":${JSON.stringify(message)}}`;
}

function spellSent({ topic, payload, messageType, priority, headers }: Message): string {
  return (
    `,"topic":${JSON.stringify(topic)}${optional("payload", payload)},"messageType":"${messageType}"` +
    `,"priority":${priority}${spellHeaders(headers)}`
  );
}

function spellHeaders(headers: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(headers);
  return text === "{}" ? "" : `,"headers":${text}`;
}

/** A field, unless it is undefined. */
function optional(name: string, value: unknown): string {
  const text = JSON.stringify(value);
  return text === undefined ? "" : `,"${name}":${text}`;
}
