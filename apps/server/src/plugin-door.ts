import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { createLocalChecks } from "@signalbox/dialects";
import { limit, PLUGIN_LINK_PATH } from "@signalbox/protocol";

import { isLoopback, type ServerConfig } from "./config.ts";

/** Takes a plugin's socket. False: it is none. */
export type PluginUpgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => boolean;

/** Where the plugins that a server starts reach its bus. */
export interface PluginDoor {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens the way from this machine to the bus. It is the server's own port where that answers without TLS on the loopback
 * address; else a port of its own there, which takes nothing but the sockets of plugins: no certificate is for 127.0.0.1,
 * and a server that listens on one address of a network does not listen here.
 */
export async function openPluginDoor(config: ServerConfig, port: number, upgrade: PluginUpgrade): Promise<PluginDoor> {
  const address = ownAddress(config);
  if (address !== undefined) return { url: `ws://${address}:${port}${PLUGIN_LINK_PATH}`, close: async () => {} };
  return await openOwnPort(upgrade);
}

const EVERYWHERE = new Set(["0.0.0.0", "::"]);

/** How the server's own port is reached from this machine in the clear; undefined where it is not. */
function ownAddress({ host, tls }: ServerConfig): string | undefined {
  if (tls) return undefined;
  if (host === "localhost" || EVERYWHERE.has(host)) return "127.0.0.1";
  if (!isLoopback(host)) return undefined;
  return host.includes(":") ? `[${host}]` : host;
}

async function openOwnPort(upgrade: PluginUpgrade): Promise<PluginDoor> {
  const server = createServer({
    headersTimeout: limit("http.headersMs"),
    requestTimeout: limit("http.headersMs"),
    connectionsCheckingInterval: 1_000,
    requireHostHeader: false,
  });
  server.maxConnections = 2 * limit("plugins.perOrg");
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0, exclusive: true }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const checks = createLocalChecks({ hosts: [`127.0.0.1:${port}`], origins: [] });
  server.on("request", (_, outgoing) => outgoing.writeHead(404, { Connection: "close" }).end());
  server.on("upgrade", (incoming, socket, head) => {
    if (checks(incoming) || !upgrade(incoming, socket, head)) socket.destroy();
  });
  return {
    url: `ws://127.0.0.1:${port}${PLUGIN_LINK_PATH}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
