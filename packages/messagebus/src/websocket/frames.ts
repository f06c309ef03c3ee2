import * as z from "zod";

import { MessageType, type Message } from "../message.ts";

/** What is spoken; offered and chosen as the WebSocket's subprotocol. */
export const BUS_SUBPROTOCOL = "signalbox.bus.v1";

// A WebSocket message is a JSON array of frames: all that were made in one turn of the event loop. A plugin's frame with
// an `id` is answered by exactly one `done`, `reply` or `fail`. Frames are told here as they look; what their contents may be
// (topics, payloads, headers, times) is decided by the same functions as in one process, so that the refusal is the same.

const Id = z.int().min(0);
/** Also absent, which is what becomes of undefined. */
const Anything = z.unknown().optional();

const Failure = z.object({ type: z.literal("fail"), id: Id, code: z.string(), message: z.string() });
const Reply = z.object({ type: z.literal("reply"), id: Id, value: Anything });

const Sent = {
  topic: z.string(),
  payload: Anything,
  messageType: Anything,
  priority: Anything,
  headers: Anything,
};

/** What a plugin sends. Who it is, and the ids, correlation and time of its messages, are not for it to say. */
export const PluginFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("publish"), id: Id, ...Sent, destination: z.string().optional() }),
  z.object({ type: z.literal("request"), id: Id, ...Sent, destination: z.string(), timeoutMs: z.number() }),
  z.object({
    type: z.literal("call"),
    id: Id,
    destination: z.string(),
    method: z.string(),
    params: Anything,
    headers: Anything,
    timeoutMs: z.number(),
  }),
  /** Gives up a request or call; not answered. */
  z.object({ type: z.literal("cancel"), id: Id }),
  z.object({ type: z.literal("subscribe"), id: Id, pattern: z.string() }),
  z.object({ type: z.literal("unsubscribe"), pattern: z.string() }),
  z.object({ type: z.literal("serve"), id: Id }),
  z.object({ type: z.literal("unserve") }),
  /** Is done when all frames before it are. */
  z.object({ type: z.literal("sync"), id: Id }),
  /** Answers the `ask` or `invoke` with this id. */
  Reply,
  Failure,
]);
export type PluginFrame = z.infer<typeof PluginFrameSchema>;
export type PluginFrameOf<Type extends PluginFrame["type"]> = Extract<PluginFrame, { readonly type: Type }>;

// A payload that is absent reads as undefined, which is what it was; the type of `Message` wants the field to be there.
const Delivered = z.object({
  messageId: z.string(),
  topic: z.string(),
  source: z.string(),
  destination: z.string().optional(),
  messageType: z.enum(MessageType),
  priority: z.number(),
  headers: z.record(z.string(), z.string()),
  correlationId: z.string().optional(),
  timestamp: z.string(),
  payload: Anything,
}) as z.ZodType<Message>;

/** What the broker sends. */
export const BrokerFrameSchema = z.discriminatedUnion("type", [
  /** The first frame: who the plugin is, by its credential, and how often the broker shows that it is there. */
  z.object({ type: z.literal("welcome"), pluginId: z.string(), heartbeatMs: z.int().min(1) }),
  z.object({ type: z.literal("message"), message: Delivered }),
  /** A request; its message has a destination and a correlation id. */
  z.object({ type: z.literal("ask"), id: Id, timeoutMs: z.number(), message: Delivered }),
  /** A call of the plugin's RPC server. */
  z.object({
    type: z.literal("invoke"),
    id: Id,
    timeoutMs: z.number(),
    caller: z.string(),
    method: z.string(),
    params: Anything,
    headers: z.record(z.string(), z.string()),
  }),
  /** Nobody waits for the answer to this `ask` or `invoke` any more. */
  z.object({ type: z.literal("abandoned"), id: Id }),
  /** Whether the answer to this `ask` has found somebody who waited. */
  z.object({ type: z.literal("answered"), id: Id, isDelivered: z.boolean() }),
  z.object({ type: z.literal("done"), ids: z.array(Id) }),
  /** A frame that could not be read, so that no id could be answered. */
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
  Reply,
  Failure,
]);
export type BrokerFrame = z.infer<typeof BrokerFrameSchema>;
export type BrokerFrameOf<Type extends BrokerFrame["type"]> = Extract<BrokerFrame, { readonly type: Type }>;
