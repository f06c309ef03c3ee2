import { createServer } from "node:http";

import { listen } from "@signalbox/testkit";
import { WebSocketServer } from "ws";

import {
  busLimits,
  LocalHub,
  MessageBus,
  type PluginAccess,
  type BusLimits,
  type Clock,
  type ListenerFailure,
} from "../src/index.ts";
import {
  BusBroker,
  busServerOptions,
  websocketTransport,
  type WebSocketTransport,
  type WebSocketTransportOptions,
} from "../src/websocket/index.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import type { RemoteWorld } from "./contract/world.ts";

/** May do all that a plugin can be allowed. */
export const FULL_ACCESS: PluginAccess = {
  publish: ["**"],
  subscribe: ["**"],
  request: ["*"],
  call: ["*"],
  serve: true,
};

/** A hub with a broker before it. A token is the id of the plugin that has it. */
export interface BrokerWorld extends RemoteWorld {
  readonly hub: LocalHub;
  readonly broker: BusBroker;
  /** The broker's own address. */
  readonly url: string;
  /** The access of plugins that connect from now on. */
  readonly access: Map<string, PluginAccess>;
  /** A connection of a plugin, through a proxy of its own. */
  connect(pluginId: string, options?: Partial<WebSocketTransportOptions>): Promise<WebSocketTransport>;
  /** The connection that `join` has made. */
  transportOf(pluginId: string): WebSocketTransport;
}

/** What a world is made with. */
export interface BrokerWorldOptions {
  readonly limits?: Partial<BusLimits>;
  /** The broker's. Default: the machine's. */
  readonly clock?: Clock;
}

/** Starts one on a free port. */
export async function brokerWorld({ limits, clock }: BrokerWorldOptions = {}): Promise<BrokerWorld> {
  const all = busLimits({ "reconnect.firstMs": 10, "reconnect.maxMs": 50, ...limits });
  const hub = new LocalHub({ limits: all });
  const broker = new BusBroker({ hub, ...(clock ? { clock } : {}) });
  const access = new Map<string, PluginAccess>();
  const stack = new AsyncDisposableStack();
  stack.defer(() => hub.close());
  stack.use(broker);
  const { port } = stack.use(await listen(serverOf(broker, all, access)));
  const failures: ListenerFailure[] = [];
  const proxies = new Map<string, TcpProxy>();
  const transports = new Map<string, WebSocketTransport>();

  const connect: BrokerWorld["connect"] = async (pluginId, options = {}) => {
    const proxy = proxies.get(pluginId) ?? stack.use(await tcpProxy(port));
    proxies.set(pluginId, proxy);
    return stack.use(
      websocketTransport({ url: `ws://127.0.0.1:${proxy.port}`, token: pluginId, limits: all, ...options }),
    );
  };
  const onListenerError = (failure: ListenerFailure) => failures.push(failure);
  return {
    hub,
    broker,
    url: `ws://127.0.0.1:${port}`,
    access,
    limits: all,
    failures,
    connect,
    async join(pluginId) {
      const transport = await connect(pluginId);
      transports.set(pluginId, transport);
      return new MessageBus({ pluginId, transport, onListenerError });
    },
    system: async () => new MessageBus({ pluginId: "system", transport: hub, isSystem: true, onListenerError }),
    transportOf: (pluginId) => transports.get(pluginId) ?? missing(pluginId),
    async cut(pluginId) {
      const transport = transports.get(pluginId) ?? missing(pluginId);
      if (transport.state !== "open") await stateOf(transport, "open");
      const away = stateOf(transport, "waiting");
      proxies.get(pluginId)?.cut();
      await away;
    },
    mend: (pluginId) => proxies.get(pluginId)?.mend(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Resolves when a connection comes to a state. */
export function stateOf(transport: WebSocketTransport, wanted: string): Promise<void> {
  return new Promise((resolve) => transport.on("state", (state) => state === wanted && resolve()));
}

function serverOf(broker: BusBroker, limits: BusLimits, access: ReadonlyMap<string, PluginAccess>) {
  const sockets = new WebSocketServer(busServerOptions(limits));
  return createServer().on("upgrade", (request, socket, head) => {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined || token === "stolen") {
      socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) =>
      broker.accept(accepted, { pluginId: token, access: access.get(token) ?? FULL_ACCESS }),
    );
  });
}

function missing(pluginId: string): never {
  throw new Error(`plugin ${pluginId} has not joined`);
}
