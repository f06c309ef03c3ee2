export type { PluginAccess } from "../access/plugin-access.ts";
export { natsPermissions } from "./nats-permissions.ts";
export type { NatsPermissions, NatsPermissionsOptions } from "./nats-permissions.ts";
export type { NatsConnect } from "./nats-line.ts";
export { NatsTransport, natsTransport } from "./nats-transport.ts";
export type { NatsTransportEvents, NatsTransportOptions } from "./nats-transport.ts";
