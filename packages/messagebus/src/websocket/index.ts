export { BusBroker, busServerOptions } from "./bus-broker.ts";
export type { BusBrokerEvents, BusBrokerOptions, ConnectedPlugin } from "./bus-broker.ts";
export type { TokenSource } from "./bus-socket.ts";
export { CLOSE_CODES } from "./close-codes.ts";
export { CONNECTION_TRANSITIONS } from "../remote/connection-states.ts";
export type { ConnectionState } from "../remote/connection-states.ts";
export { BUS_SUBPROTOCOL } from "./frames.ts";
export { WebSocketTransport, websocketTransport } from "./websocket-transport.ts";
export type { WebSocketTransportEvents, WebSocketTransportOptions } from "./websocket-transport.ts";
