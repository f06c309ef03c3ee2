import { busLimits, MessageBus, type PluginAccess, type BusLimits, type ListenerFailure } from "../src/index.ts";
import { natsPermissions, natsTransport, type NatsTransport, type NatsTransportOptions } from "../src/nats/index.ts";
import type { RemoteWorld } from "./contract/world.ts";
import { natsServer, type NatsServer } from "./nats-server.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** May do all that a plugin can be allowed. */
const FULL_ACCESS: PluginAccess = { publish: ["**"], subscribe: ["**"], request: ["*"], call: ["*"], serve: true };

/** The plugins of the contract. */
const PLUGINS = "publisher subscriber one two addressed other plugin forger victim asker caller server silent".split(
  " ",
);

/** A nats-server, and plugins that each have a user and a connection of their own. */
export interface NatsWorld extends RemoteWorld {
  readonly server: NatsServer;
  /** A connection of a plugin, through a proxy of its own. */
  connect(pluginId: string, options?: Partial<NatsTransportOptions>): Promise<NatsTransport>;
  /** The connection that `join` has made. */
  transportOf(pluginId: string): NatsTransport;
}

/** What a world is made with. */
export interface NatsWorldOptions {
  readonly limits?: Partial<BusLimits>;
  /** Of plugins that may do less than everything. */
  readonly access?: Readonly<Record<string, PluginAccess>>;
}

/** Starts one. The server knows every plugin as a user whose permissions are those of its access list. */
export async function natsWorld({ limits, access = {} }: NatsWorldOptions = {}): Promise<NatsWorld> {
  const all = busLimits({ "reconnect.firstMs": 10, "reconnect.maxMs": 50, "nats.presenceMs": 100, ...limits });
  const stack = new AsyncDisposableStack();
  const ids = new Set(["system", ...PLUGINS, ...Object.keys(access)]);
  const users = [...ids].map((id) => ({
    user: id,
    password: id,
    permissions: natsPermissions(id, access[id] ?? FULL_ACCESS),
  }));
  const server = stack.use(await natsServer({ users }));
  const failures: ListenerFailure[] = [];
  const proxies = new Map<string, TcpProxy>();
  const transports = new Map<string, NatsTransport>();

  const connect: NatsWorld["connect"] = async (pluginId, options = {}) => {
    const proxy = proxies.get(pluginId) ?? stack.use(await tcpProxy(server.port));
    proxies.set(pluginId, proxy);
    const connection = { user: pluginId, pass: pluginId };
    return stack.use(natsTransport({ servers: `127.0.0.1:${proxy.port}`, connection, limits: all, ...options }));
  };
  const join = async (pluginId: string, isSystem = false) => {
    const transport = await connect(pluginId);
    transports.set(pluginId, transport);
    const onListenerError = (failure: ListenerFailure) => failures.push(failure);
    const bus = new MessageBus({ pluginId, transport, isSystem, onListenerError });
    await stateOf(transport, "open");
    return bus;
  };
  return {
    server,
    limits: all,
    failures,
    connect,
    join: (pluginId) => join(pluginId),
    system: () => join("system", true),
    transportOf: (pluginId) => transports.get(pluginId) ?? missing(pluginId),
    async cut(pluginId) {
      const transport = transports.get(pluginId) ?? missing(pluginId);
      const away = stateOf(transport, "waiting");
      proxies.get(pluginId)?.cut();
      await away;
    },
    mend: (pluginId) => proxies.get(pluginId)?.mend(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Resolves when a connection is in a state, or comes to it; rejects when it ends before. */
export async function stateOf(transport: NatsTransport, wanted: string): Promise<void> {
  if (transport.state === wanted) return;
  await new Promise<void>((resolve, reject) => {
    transport.on("state", (state) => state === wanted && resolve());
    transport.once("closed", reject);
  });
}

function missing(pluginId: string): never {
  throw new Error(`plugin ${pluginId} has not joined`);
}
