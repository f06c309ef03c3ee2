import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { limit, PLUGIN_LINK_PATH, RUNNER_PATHS, SESSION_SOCKET_PATH } from "@signalbox/protocol";

import type { ServerConfig } from "./config.ts";

/** What the sockets of a server are for. */
export interface Handlers {
  readonly request: RequestListener;
  readonly upgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** The sockets of a server, open. */
export interface Listeners {
  readonly port: number;
  /** Hands over what arrives; before that, everything is turned away. */
  serve(handlers: Handlers): void;
  /** Takes no more connections; resolves when the last one is gone. */
  close(): Promise<void>;
  /** Cuts the connections that are left. */
  cut(): void;
}

/** How long a connection may wait for its next request. */
const IDLE_MS = 15_000;
const SWEEP_MS = 50;
const TRIES_FOR_A_PORT = 10;
/** What is answered between the opening of the sockets and that of the store. */
const STARTING = JSON.stringify({ success: false, error: { code: "BUSY", message: "the server is starting" } });
const NO_SUCH_ADDRESS = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** Opens the sockets: on 127.0.0.1 and ::1 for `localhost`, else on the one address. All have the same port. */
export async function openListeners(config: ServerConfig): Promise<Listeners> {
  for (let attempt = 1; ; attempt++) {
    const pool = new ListenerPool(config);
    try {
      await pool.listen();
      return pool;
    } catch (error) {
      await pool.close();
      const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isTaken || config.port !== 0 || attempt === TRIES_FOR_A_PORT) throw error;
    }
  }
}

class ListenerPool implements Listeners {
  readonly #config: ServerConfig;
  readonly #servers: Server[] = [];
  #connections = 0;
  #handlers: Handlers | undefined;
  port = 0;

  constructor(config: ServerConfig) {
    this.#config = config;
    this.port = config.port;
  }

  async listen(): Promise<void> {
    const { host } = this.#config;
    if (host !== "localhost") return await this.#listenOn(host);
    await this.#listenOn("127.0.0.1");
    await this.#listenOn("::1").catch((error: NodeJS.ErrnoException) => {
      // A machine without IPv6 is served over IPv4.
      if (!NO_SUCH_ADDRESS.has(error.code ?? "")) throw error;
    });
  }

  serve(handlers: Handlers): void {
    this.#handlers = handlers;
  }

  async close(): Promise<void> {
    // A connection whose last answer ends after this is told by nobody that it is idle and not wanted any more.
    const sweep = setInterval(() => {
      for (const server of this.#servers) server.closeIdleConnections();
    }, SWEEP_MS);
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    clearInterval(sweep);
  }

  cut(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  async #listenOn(host: string): Promise<void> {
    const server = this.#createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port: this.port, exclusive: true, backlog: limit("http.connections") }, resolve);
    });
    this.#servers.push(server);
    this.port = (server.address() as AddressInfo).port;
  }

  #createServer(): Server {
    const options: ServerOptions = {
      headersTimeout: limit("http.headersMs"),
      // Bodies have deadlines of their own: one for all would cut off a runner that sends a large file.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: 1_000,
      // Our own check answers a request without Host, in words.
      requireHostHeader: false,
      // Everything that is no socket of a runner or plugin is a request like any other, whatever it offers to upgrade to.
      shouldUpgradeCallback: isOurSocket,
    };
    const { tls } = this.#config;
    const server = tls ? createTlsServer({ ...options, ...tls }) : createServer(options);
    server.on("connection", (socket: Socket) => this.#count(socket));
    server.on("request", (incoming, outgoing) => {
      if (this.#handlers) this.#handlers.request(incoming, outgoing);
      else outgoing.writeHead(503, { "Content-Type": "application/json", "Retry-After": "1" }).end(STARTING);
    });
    server.on("upgrade", (incoming, socket, head) => {
      if (this.#handlers) this.#handlers.upgrade(incoming, socket, head);
      else socket.destroy();
    });
    return server;
  }

  #count(socket: Socket): void {
    if (this.#connections >= limit("http.connections")) {
      socket.destroy();
      return;
    }
    this.#connections++;
    socket.once("close", () => this.#connections--);
  }
}

const SOCKET_PATHS: ReadonlySet<string> = new Set([
  RUNNER_PATHS.control,
  RUNNER_PATHS.output,
  PLUGIN_LINK_PATH,
  SESSION_SOCKET_PATH,
]);

function isOurSocket({ url = "", headers }: IncomingMessage): boolean {
  const [path = ""] = url.split("?", 1);
  return headers.upgrade?.toLowerCase() === "websocket" && SOCKET_PATHS.has(path);
}
