import * as z from "zod";

import { checkHeaders, checkMessageType, checkPriority } from "../envelope.ts";
import { InvalidMessageError, toBusError, type BusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import type { Message } from "../message.ts";
import { checkPayload } from "../payload.ts";

// What stands in a NATS message, as JSON. Who sent it and on which topic is not among it: that is in the subject. The other side is
// some plugin, so nothing of it is believed before it has been checked as in one process.

const Anything = z.unknown().optional();

const MessageBodySchema = z.object({
  messageId: z.string().min(1).max(128),
  messageType: Anything,
  priority: Anything,
  headers: Anything,
  timestamp: z.iso.datetime(),
  payload: Anything,
});
const RequestBodySchema = MessageBodySchema.extend({ topic: z.string(), timeoutMs: z.number() });
const CallBodySchema = z.object({
  method: z.string().min(1),
  params: Anything,
  headers: Anything,
  timeoutMs: z.number(),
});
const CancelBodySchema = z.object({ reply: z.string() });
const AnswerBodySchema = z.union([z.object({ code: z.string(), message: z.string() }), z.object({ value: Anything })]);

/** A message for everybody, or for one. */
export function writeMessage({ messageId, messageType, priority, headers, timestamp, payload }: Message): string {
  return JSON.stringify({ messageId, messageType, priority, headers, timestamp, payload });
}

/** The envelope around it comes from the subject. Throws an InvalidMessageError. */
export function readMessage(
  data: Uint8Array,
  envelope: Pick<Message, "source" | "topic" | "destination">,
  limits: BusLimits,
): Message {
  return toMessage(read(data, MessageBodySchema), { ...envelope, correlationId: undefined }, limits);
}

/** A request; where it goes is in the subject, its topic is not. */
export function writeRequest(message: Message, timeoutMs: number): string {
  const { messageId, topic, messageType, priority, headers, timestamp, payload } = message;
  return JSON.stringify({ messageId, topic, messageType, priority, headers, timestamp, payload, timeoutMs });
}

/** Throws an InvalidMessageError. The topic is as it came. */
export function readRequest(
  data: Uint8Array,
  envelope: Pick<Message, "source" | "destination" | "correlationId">,
  limits: BusLimits,
): { readonly message: Message; readonly timeoutMs: number } {
  const body = read(data, RequestBodySchema);
  const { topic, timeoutMs } = body;
  return { message: toMessage(body, { ...envelope, topic }, limits), timeoutMs };
}

/** What a call says besides who calls whom. */
export interface CallBody {
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** A call of an RPC method. */
export function writeCall({ method, params, headers, timeoutMs }: CallBody): string {
  return JSON.stringify({ method, params, headers, timeoutMs });
}

/** Throws an InvalidMessageError. */
export function readCall(data: Uint8Array, limits: BusLimits): CallBody {
  const { method, params, headers, timeoutMs } = read(data, CallBodySchema);
  checkPayload(params, limits, "the parameters");
  return { method, params, headers: checkHeaders(headers, limits), timeoutMs };
}

/** An answer that succeeded. */
export function writeValue(value: unknown): string {
  return JSON.stringify({ value });
}

/** An answer that is a refusal. */
export function writeError({ code, message }: BusError): string {
  return JSON.stringify({ code, message });
}

/** An answer: its value, or the error that it is. Throws an InvalidMessageError. */
export function readAnswer(data: Uint8Array, limits: BusLimits): { readonly value: unknown } | BusError {
  const body = read(data, AnswerBodySchema);
  if ("code" in body) return toBusError(body.code, body.message.slice(0, limits["error.messageLength"]));
  checkPayload(body.value, limits, "the answer");
  return { value: body.value };
}

/** That nobody waits any more for the answer that was to go to `reply`. */
export function writeCancel(reply: string): string {
  return JSON.stringify({ reply });
}

/** The reply subject of what is given up. Throws an InvalidMessageError. */
export function readCancel(data: Uint8Array): string {
  return read(data, CancelBodySchema).reply;
}

function toMessage(
  body: z.infer<typeof MessageBodySchema>,
  { source, topic, destination, correlationId }: Pick<Message, "source" | "topic" | "destination" | "correlationId">,
  limits: BusLimits,
): Message {
  const { messageId, timestamp, payload } = body;
  checkPayload(payload, limits);
  return {
    messageId,
    topic,
    source,
    destination,
    messageType: checkMessageType(body.messageType),
    priority: checkPriority(body.priority),
    headers: checkHeaders(body.headers, limits),
    correlationId,
    timestamp,
    payload,
  };
}

function read<Body>(data: Uint8Array, schema: z.ZodType<Body>): Body {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  } catch (error) {
    throw new InvalidMessageError("a message on NATS is not JSON", { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InvalidMessageError(
    `a message on NATS is not of this protocol: ${issue?.path.join(".")} ${issue?.message}`,
  );
}
