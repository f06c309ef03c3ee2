export { ANY_PLUGIN } from "./access/access-list.ts";
export { covers } from "./access/covers.ts";
export { PluginAccessSchema } from "./access/plugin-access.ts";
export type { PluginAccess } from "./access/plugin-access.ts";
export {
  getMessageBus,
  getSystemBus,
  resetMessageBus,
  setDefaultTransport,
  setListenerErrorHook,
} from "./bus-registry.ts";
export { systemClock } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export {
  BUS_ERRORS,
  BusError,
  ConnectionLostError,
  ForbiddenTopicError,
  InvalidEndpointError,
  InvalidMessageError,
  InvalidPluginIdError,
  InvalidTopicError,
  NoResponderError,
  NotAddressedError,
  NotAdmittedError,
  OverloadedError,
  RemoteError,
  RequestTimeoutError,
  ReservedTopicError,
  UnknownMethodError,
} from "./errors.ts";
export type { BusErrorCode } from "./errors.ts";
export type { RandomFill } from "./ids.ts";
export { BUS_LIMITS, busLimits } from "./limits.ts";
export type { BusLimit, BusLimits } from "./limits.ts";
export { warnOfListenerFailure } from "./listener-errors.ts";
export type { ListenerErrorHook, ListenerFailure } from "./listener-errors.ts";
export { LocalHub } from "./local-hub.ts";
export type { LocalHubOptions } from "./local-hub.ts";
export { MessageBus } from "./message-bus.ts";
export type { CallOptions, MessageBusOptions, PublishOptions, Serving } from "./message-bus.ts";
export { MessageType } from "./message.ts";
export type { Message, PublishInput, RequestInput } from "./message.ts";
export { checkPluginId, pluginOfEndpoint } from "./plugin-id.ts";
export { RPCClient } from "./rpc-client.ts";
export type { RPCClientOptions } from "./rpc-client.ts";
export type { RpcContext, RpcHandler, RpcMethods } from "./rpc-context.ts";
export { RPCServer } from "./rpc-server.ts";
export type { RPCServerOptions } from "./rpc-server.ts";
export type { MessageHandler, SubscribeOptions, Subscription } from "./subscription.ts";
export { canonicalPattern, canonicalTopic, isReservedTopic, matchesTopic, pluginOfTopic } from "./topic.ts";
export type { CallExchange, Exchange, Link, Listener, Member, RequestExchange, Taker, Transport } from "./transport.ts";
