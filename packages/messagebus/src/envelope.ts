import { InvalidMessageError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import { MessageType, NO_HEADERS } from "./message.ts";
import { isPlain } from "./payload-walk.ts";
import { shown } from "./shown.ts";

const TYPES: ReadonlySet<unknown> = new Set(Object.values(MessageType));
const DEFAULT_PRIORITY = 5;
const HIGHEST_PRIORITY = 10;

/** What the bus stamps; an input that brings it along is refused, so that nobody believes to have set it. */
interface Stamps {
  readonly source?: unknown;
  readonly messageId?: unknown;
  readonly timestamp?: unknown;
  readonly correlationId?: unknown;
}

/** Refuses an input that is none, or that carries a sender, id, time or correlation id of its own. */
export function checkInput(input: unknown, pluginId: string): void {
  if (typeof input !== "object" || input === null) throw new InvalidMessageError("a message is an object");
  const { source, messageId, timestamp, correlationId } = input as Stamps;
  if (source !== undefined && source !== pluginId) {
    throw new InvalidMessageError(`plugin ${pluginId} cannot send as somebody else; the bus stamps the source`);
  }
  if (messageId !== undefined || timestamp !== undefined || correlationId !== undefined) {
    throw new InvalidMessageError("messageId, timestamp and correlationId are stamped by the bus; leave them out");
  }
}

/** The headers, or the empty ones. Refuses what is not a plain object of strings, and too many or too long ones. */
export function checkHeaders(headers: unknown, limits: BusLimits): Readonly<Record<string, string>> {
  if (headers === undefined) return NO_HEADERS;
  if (typeof headers !== "object" || headers === null || !isPlain(headers)) {
    throw new InvalidMessageError("headers are an object of strings");
  }
  const names = Object.keys(headers);
  if (names.length > limits["headers.count"]) {
    throw new InvalidMessageError(`a message has at most ${limits["headers.count"]} headers, not ${names.length}`);
  }
  let characters = 0;
  for (const name of names) {
    const value = (headers as Record<string, unknown>)[name];
    if (name === "__proto__") throw new InvalidMessageError("a header __proto__ is not allowed");
    if (typeof value !== "string") throw new InvalidMessageError(`header ${shown(name)} is not a string`);
    characters += name.length + value.length;
  }
  if (characters > limits["headers.bytes"]) {
    throw new InvalidMessageError(`headers have at most ${limits["headers.bytes"]} characters, not ${characters}`);
  }
  // Every value has been seen to be a string.
  return headers as Readonly<Record<string, string>>;
}

/** The priority, by default 5. */
export function checkPriority(priority: unknown): number {
  if (priority === undefined) return DEFAULT_PRIORITY;
  if (typeof priority === "number" && priority >= 0 && priority <= HIGHEST_PRIORITY) return priority;
  throw new InvalidMessageError(`a priority is a number from 0 to ${HIGHEST_PRIORITY}, not ${shown(priority)}`);
}

/** The type, by default `event`. */
export function checkMessageType(type: unknown): MessageType {
  if (type === undefined) return MessageType.EVENT;
  // The set holds nothing else.
  if (TYPES.has(type)) return type as MessageType;
  throw new InvalidMessageError(`${shown(type)} is not one of ${[...TYPES].join(", ")}`);
}

/** The timeout in whole milliseconds, by default `request.timeoutMs`. */
export function checkTimeout(timeout: unknown, limits: BusLimits): number {
  if (timeout === undefined) return limits["request.timeoutMs"];
  const most = limits["request.timeoutMaxMs"];
  if (typeof timeout === "number" && timeout > 0 && timeout <= most) return Math.ceil(timeout);
  throw new InvalidMessageError(`a timeout is a number of milliseconds from 1 to ${most}, not ${shown(timeout)}`);
}

/** The name of an RPC method, refused when it is none. */
export function checkMethodName(method: unknown, limits: BusLimits): void {
  const most = limits["rpc.methodLength"];
  if (typeof method === "string" && method.length > 0 && method.length <= most) return;
  throw new InvalidMessageError(`the name of a method is a string of 1 to ${most} characters`);
}
